"""kubectl against the one cluster that was named, and no other."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Self

from tests.cluster.commands import run
from tests.cluster.tools import KUBERNETES

MANIFESTS = Path(__file__).parent / "manifests"
OF_A_RELEASE = "all,pvc,secret,configmap,serviceaccount,role,rolebinding,lease,networkpolicy,ingress,pdb,hpa"
"""The kinds of which an uninstall must leave nothing."""


@dataclass(frozen=True)
class Cluster:
    """The named cluster.

    Attributes:
        context: The kubeconfig's context; always passed, so that the current one does not matter.
    """

    context: str

    def kubectl(self, *arguments: str, text_input: str | None = None, time_limit_s: float = 300) -> str:
        return run(self.command(*arguments), text_input=text_input, time_limit_s=time_limit_s)

    def command(self, *arguments: str) -> list[str]:
        built = KUBERNETES.program("kubectl")
        program = str(built) if built.exists() else shutil.which("kubectl")
        assert program is not None, "kubectl is missing: run `make cluster-up` once, or install it"
        return [program, f"--context={self.context}", *arguments]

    def get(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "--output=json"))
        return found

    def apply(self, manifest: str, **values: str) -> None:
        text = Template((MANIFESTS / manifest).read_text(encoding="utf-8")).substitute(values)
        self.kubectl("apply", "--filename=-", text_input=text)

    @contextmanager
    def namespace(self, name: str, security: str = "restricted") -> Iterator[Namespace]:
        """A namespace of the test's own, empty at first and gone afterwards, whatever happens.

        Args:
            name: Begins with `rr-e2e-`, by which leftovers are known.
            security: What Pod Security admission enforces in it, and warns of.
        """
        self.delete_namespace(name, wait=True)
        self.kubectl("create", "namespace", name)
        # `enforce` looks at pods alone, `warn` at what makes them as well.
        levels = [f"pod-security.kubernetes.io/{mode}={security}" for mode in ("enforce", "warn")]
        self.kubectl("label", "namespace", name, *levels)
        try:
            yield Namespace(self, name)
        finally:
            self.delete_namespace(name, wait=False)

    def delete_namespace(self, name: str, *, wait: bool) -> None:
        self.kubectl("delete", "namespace", name, "--ignore-not-found", f"--wait={str(wait).lower()}")


@dataclass(frozen=True)
class Namespace:
    """One namespace of the cluster."""

    cluster: Cluster
    name: str

    def kubectl(self, *arguments: str, text_input: str | None = None, time_limit_s: float = 300) -> str:
        return self.cluster.kubectl(
            f"--namespace={self.name}", *arguments, text_input=text_input, time_limit_s=time_limit_s
        )

    def get(self, *arguments: str) -> dict[str, Any]:
        return self.cluster.get(*arguments, f"--namespace={self.name}")

    def objects(self) -> set[str]:
        """What there is of the kinds that a release makes, as KIND/NAME."""
        found = json.loads(self.kubectl("get", OF_A_RELEASE, "--output=json"))["items"]
        return {f"{each['kind']}/{each['metadata']['name']}" for each in found}

    def claims(self) -> list[str]:
        return [found["metadata"]["name"] for found in self.get("pvc")["items"]]

    def create(self, *objects: dict[str, Any]) -> None:
        for each in objects:
            self.kubectl("create", "--filename=-", text_input=json.dumps(each))


def service_url(service: str, namespace: str, port: int = 8000) -> str:
    """A Service by its name, as pods of other namespaces know it."""
    return f"http://{service}.{namespace}.svc.cluster.local:{port}"


@contextmanager
def search_pod(cluster: Cluster, image: str, namespace: str = "rr-e2e-search") -> Iterator[SearchPod]:
    """A search team's pod in a namespace of its own, ready; gone afterwards."""
    with cluster.namespace(namespace):
        cluster.apply("search.yaml", NAMESPACE=namespace, IMAGE=image)
        cluster.kubectl("wait", "pod/search", "--for=condition=Ready", f"--namespace={namespace}", "--timeout=280s")
        yield SearchPod(cluster, namespace)


@dataclass(frozen=True)
class SearchPod:
    """The pod in which the test's programs run."""

    cluster: Cluster
    namespace: str

    def node(self) -> str:
        return str(self.cluster.get("pod", "search", f"--namespace={self.namespace}")["spec"]["nodeName"])

    def run(self, module: str, *arguments: str, text_input: str = "", time_limit_s: float = 600) -> Any:
        """Run one of the pod's programs to its end; gives its JSON."""
        return json.loads(
            self.cluster.kubectl(*self._arguments(module, *arguments), text_input=text_input, time_limit_s=time_limit_s)
        )

    def start_load(
        self, url: str, rate: float, time_limit_s: float = 30.0, connections: int = 4, copies: int = 1
    ) -> SteadyLoad:
        """Requests at a steady rate from now on; `copies` of the same candidates in each make it heavier."""
        arguments = self._arguments("steady_load", url, str(rate), str(time_limit_s), str(connections), str(copies))
        process = subprocess.Popen(
            self.cluster.command(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        if process.stdout.readline() != "started\n":
            process.kill()
            raise AssertionError(f"the load did not start: {process.communicate()[1]}")
        return SteadyLoad(process)

    def _arguments(self, module: str, *arguments: str) -> list[str]:
        python = ["/opt/search/bin/python", "-m", f"search_pod.{module}", *arguments]
        return ["exec", "--stdin", f"--namespace={self.namespace}", "search", "--", *python]


@dataclass(frozen=True)
class SteadyLoad:
    """A load that runs until it is asked for its outcome."""

    process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def outcome(self) -> list[dict[str, Any]]:
        """End the load; every request that it sent, in order."""
        printed, complaints = self.process.communicate(input="", timeout=300)
        assert self.process.returncode == 0, complaints
        outcomes: list[dict[str, Any]] = json.loads(printed)
        return outcomes


def failures(outcomes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [outcome for outcome in outcomes if outcome["failure"] is not None]


def wait_until(holds: Callable[[], bool], what: str, limit_s: float = 240) -> None:
    """Look again and again; a cluster tells of most changes in no other way."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
        time.sleep(0.5)
