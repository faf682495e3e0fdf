"""The operator as a process of its own, with the rights that the chart gives it and no others."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.cluster.commands import run
from tests.cluster.tools import HELM
from tests.control_plane.processes import ControlPlane, free_port, wait_for

CHART = Path(__file__).resolve().parents[2] / "charts" / "bge-reranker"
PREFIX = "bge_reranker_operator"
START_LIMIT_S = 120


def account(plane: ControlPlane, namespace: str, *, cluster_wide: bool = False) -> str:
    """Give the namespace the chart's operator without its pod; a token of its service account."""
    values = ["--set=scorer.enabled=false", f"--set=operator.clusterWide={str(cluster_wide).lower()}"]
    templates = [f"--show-only=templates/operator/{name}.yaml" for name in ("serviceaccount", "role", "rolebinding")]
    if cluster_wide:
        templates.append("--show-only=templates/operator/lease.yaml")
    arguments = [str(HELM.program()), "template", "operator", str(CHART), f"--namespace={namespace}", "--skip-tests"]
    plane.kubectl("apply", "--server-side", "--filename=-", text_input=run([*arguments, *values, *templates]))
    return plane.kubectl("create", "token", "operator-operator", f"--namespace={namespace}", "--duration=4h").strip()


@dataclass
class OperatorProcess:
    """One operator, which may be ended, killed, frozen and started again.

    Attributes:
        kubeconfig: Whom it asks, and as whom.
        log: Where its lines go, of all its lives.
        settings: Its settings beside those that every test needs.
    """

    kubeconfig: Path
    log: Path
    settings: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; it may have to wait for its Lease."""
        settings = {"chart": CHART, "helm": HELM.program(), "health_port": self.port, **self.settings}
        variables = {f"BGE_RERANKER_OPERATOR_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {**os.environ, **variables, "KUBECONFIG": str(self.kubeconfig)}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "reranker_operator"]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def await_work(self) -> None:
        """Until it holds its Lease."""
        wait_for("the operator has its Lease", lambda: self.holds_lease, START_LIMIT_S)

    def start_and_await_work(self) -> None:
        self.start()
        self.await_work()

    def kill(self) -> None:
        """At once, without a word to it."""
        self.running.kill()
        self.running.wait()

    def stop(self) -> int:
        """As the kubelet does first; gives its exit status."""
        self.running.terminate()
        return self.running.wait(timeout=60)

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "it was never started"
        return self.process

    @property
    def has_ended(self) -> bool:
        return self.running.poll() is not None

    @property
    def state(self) -> str:
        """In words for a person."""
        if self.process is None:
            return "never started"
        return f"ended with {self.process.returncode}" if self.has_ended else "still running"

    @property
    def holds_lease(self) -> bool:
        return self.metric("holds_lease") == 1

    @property
    def rss_mb(self) -> float:
        return float(psutil.Process(self.running.pid).memory_info().rss / 1e6)

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def metric(self, name: str, label: str = "") -> float:
        """A metric's sum over its labels, or that of the label with this value; 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as response:
                lines = response.read().decode().splitlines()
        except OSError:
            return 0.0
        head = f"{PREFIX}_{name}"
        found = [line for line in lines if line.startswith((f"{head} ", f"{head}{{")) and f'"{label}"' in f'{line}""']
        return sum(float(line.rpartition(" ")[2]) for line in found)


@contextmanager
def operator(plane: ControlPlane, token: str, url: str = "", **settings: Any) -> Iterator[OperatorProcess]:
    """An operator that is not started yet; gone afterwards, whatever was done to it."""
    log = plane.folder / f"operator-{len(list(plane.folder.glob('operator-*.log')))}.log"
    log.touch()
    each = OperatorProcess(plane.kubeconfig_for(token, url), log, settings)
    try:
        yield each
    finally:
        if each.process is not None:
            each.process.kill()
            each.process.wait()
