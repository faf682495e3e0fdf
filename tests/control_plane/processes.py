"""The control plane's processes, on free ports of this machine."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from tests.cluster.commands import run
from tests.cluster.tools import KUBERNETES
from tests.control_plane.audit import POLICY

TOKEN = "operator-tests"
START_LIMIT_S = 180

_KUBECONFIG = Template("""apiVersion: v1
kind: Config
current-context: tests
clusters: [{name: tests, cluster: {server: "$url", insecure-skip-tls-verify: true}}]
users: [{name: tests, user: {token: "$token"}}]
contexts: [{name: tests, context: {cluster: tests, user: tests}}]
""")


def missing_programs() -> str:
    """What is not there; empty if all is."""
    built = [
        KUBERNETES.program(name) for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    ]
    lacking = [path.name for path in built if not path.exists()]
    return ", ".join([*lacking, *([] if shutil.which("etcd") else ["etcd"])])


@dataclass
class ControlPlane:
    """A running control plane.

    Attributes:
        folder: Where everything lies.
        port: The API server's.
    """

    folder: Path
    port: int
    etcd_port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def kubectl(self, *arguments: str, text_input: str | None = None) -> str:
        program = str(KUBERNETES.program("kubectl"))
        return run([program, f"--kubeconfig={self.kubeconfig}", *arguments], text_input=text_input, time_limit_s=120)

    @property
    def audit_log(self) -> Path:
        return self.folder / "audit.log"

    def kubeconfig_for(self, token: str, url: str = "") -> Path:
        """A kubeconfig for another account, or by way of a proxy."""
        path = self.folder / f"kubeconfig-{len(list(self.folder.glob('kubeconfig-*')))}"
        path.write_text(_KUBECONFIG.substitute(url=url or self.url, token=token))
        return path

    def start_api_server(self) -> None:
        self._start("kube-apiserver", self._api_server())
        wait_for("the API server", lambda: _answers(f"{self.url}/readyz"), START_LIMIT_S)

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start_all(self) -> None:
        (self.folder / "audit-policy.yaml").write_text(POLICY)
        (self.folder / "tokens.csv").write_text(f"{TOKEN},tests,tests,system:masters\n")
        self.kubeconfig.write_text(_KUBECONFIG.substitute(url=self.url, token=TOKEN))
        run(["openssl", "genrsa", "-out", str(self.folder / "accounts.key"), "2048"], time_limit_s=60)
        self._start("etcd", self._etcd())
        wait_for("etcd", lambda: _answers(f"http://127.0.0.1:{self.etcd_port}/health"), START_LIMIT_S)
        self.start_api_server()
        self._start("kube-controller-manager", self._controllers())
        self._start("kube-scheduler", self._client("kube-scheduler"))

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def _etcd(self) -> list[str]:
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{free_port()}"
        return [
            "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--election-timeout=5000",
            "--heartbeat-interval=500",
        ]

    def _api_server(self) -> list[str]:
        return [
            str(KUBERNETES.program("kube-apiserver")),
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self.folder}/certificates",
            f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=198.19.0.0/20",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder}/accounts.key",
            f"--service-account-signing-key-file={self.folder}/accounts.key",
            f"--audit-policy-file={self.folder}/audit-policy.yaml",
            f"--audit-log-path={self.audit_log}",
            # An etcd before 3.5 cannot serve it, and kwok's client does not get over that.
            "--feature-gates=WatchList=false",
            # Without nodes nobody could lift it.
            "--disable-admission-plugins=TaintNodesByCondition",
        ]

    def _controllers(self) -> list[str]:
        return [
            *self._client("kube-controller-manager"),
            f"--service-account-private-key-file={self.folder}/accounts.key",
            "--use-service-account-credentials=false",
            # Played nodes whose player is late on a busy machine are not dead.
            "--controllers=*,-node-lifecycle-controller",
        ]

    def _client(self, name: str) -> list[str]:
        """A component that only asks the API server."""
        limits = ["--kube-api-qps=200", "--kube-api-burst=400"]
        program = str(KUBERNETES.program(name))
        return [program, f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0", *limits]


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """Bring one up in a folder; gone afterwards."""
    plane = ControlPlane(folder, port=free_port(), etcd_port=free_port())
    try:
        plane.start_all()
        yield plane
    finally:
        for name in reversed(list(plane.processes)):
            plane.stop(name)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(what: str, holds: Any, limit_s: float) -> None:
    """Look again and again; a process tells of its readiness in no other way."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
        time.sleep(0.2)


def _answers(url: str) -> bool:
    context = ssl._create_unverified_context()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
