"""A model from a container registry with a password and an authority of its own: fetched by pods, mounted by nodes."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.commands import run
from tests.cluster.layout import HOST_ADDRESS, NODES
from tests.e2e.helm import Release, Values
from tests.e2e.hub_pod import model_hub
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, failures, search_pod, wait_until
from tests.e2e.packed_model import PROGRAM, PackedModel, pack_model
from tests.store.servers.authority import write_authority
from tests.store.servers.container_registry import PASSWORD, USER, running_registry, write_credentials

ADDITIONS = ("crds",)
RATE = 5.0
PULL_SECRET, AUTHORITY = "bge-reranker-registry", "bge-reranker-authority"


@dataclass(frozen=True)
class Pushed:
    """The model in the registry.

    Attributes:
        address: As a source, by digest.
        authority: The certificate that the registry's is signed with.
        hub_source: What it was fetched from before.
    """

    address: str
    authority: Path
    hub_source: str

    @property
    def reference(self) -> str:
        """As images are called."""
        return self.address.removeprefix("oci://")

    @property
    def registry(self) -> str:
        return self.reference.partition("/")[0]


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """One image, used in both ways, and refused without its password."""
    with (
        tempfile.TemporaryDirectory() as name,
        search_pod(cluster, search_image, "rr-e2e-registry-search") as search,
        _pushed(cluster, image, Path(name)) as pushed,
        cluster.namespace("rr-e2e-registry") as namespace,
    ):
        release = Release("demo", namespace, image)
        namespace.kubectl("create", "secret", "generic", AUTHORITY, f"--from-file=ca.crt={pushed.authority}")
        return {
            "address": pushed.address,
            "without a password": _refused(release, pushed),
            "fetched": _fetched(release, search, pushed),
            "mounted": _mounted(release, search, pushed),
        }


@contextmanager
def _pushed(cluster: Cluster, image: str, folder: Path) -> Iterator[Pushed]:
    """Fetch from a hub, which then goes away, and push from this machine."""
    authority, certificate = write_authority(folder, HOST_ADDRESS)
    with running_registry(folder / "registry", is_closed=True, host=HOST_ADDRESS, certificate=certificate) as registry:
        with model_hub(cluster, image):
            packed: PackedModel = pack_model(cluster, folder)
        environment = {
            **os.environ,
            "SSL_CERT_FILE": str(authority),
            **write_credentials(folder / "auth.json", registry),
        }
        target, store = f"oci://{registry}/models/reranker:v1", f"--cache-dir={folder / 'store'}"
        said = run([PROGRAM, "model", "pack", packed.source, store, f"--push={target}"], environment=environment)
        _trust(registry, authority)
        yield Pushed(said.split()[-1], authority, packed.source)


def _trust(registry: str, authority: Path) -> None:
    """Let the nodes' runtimes believe the registry's certificate, as an administrator does."""
    for node in NODES:
        folder = node.folder / "registries" / registry
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.pem").write_bytes(authority.read_bytes())
        hosts = f'server = "https://{registry}"\n[host."https://{registry}"]\nca = "{folder / "ca.pem"}"\n'
        (folder / "hosts.toml").write_text(hosts, encoding="utf-8")


def _values(pushed: Pushed) -> Values:
    """What fetches from there, and reaches nothing else."""
    return {
        "model": {"source": pushed.address},
        "secrets": {"caBundle": {"name": AUTHORITY}},
        "networkPolicy": {
            "enabled": True,
            "egressCidrs": [f"{HOST_ADDRESS}/32"],
            "egressPorts": [int(pushed.registry.rpartition(":")[2])],
        },
    }


def _refused(release: Release, pushed: Pushed) -> str:
    """What the pod says whose namespace has no password."""
    release.helm("install", release.name, *release.chart_and_values(_values(pushed)))
    found: list[str] = []

    def says_why() -> bool:
        for pod in release.pods():
            for status in pod["status"].get("initContainerStatuses", ()):
                for state in (status.get("state", {}), status.get("lastState", {})):
                    found.extend(filter(None, [state.get("terminated", {}).get("message")]))
        return bool(found)

    wait_until(says_why, "the init step says why it ended")
    release.helm("uninstall", release.name, "--wait")
    report = json.loads(found[0])
    assert report["code"] == "Gated", report
    return str(report["message"])


def _with_password(namespace: Namespace, pushed: Pushed) -> None:
    credentials = (f"--docker-username={USER}", f"--docker-password={PASSWORD}")
    namespace.kubectl(
        "create", "secret", "docker-registry", PULL_SECRET, f"--docker-server={pushed.registry}", *credentials
    )


def _fetched(release: Release, search: SearchPod, pushed: Pushed) -> dict[str, Any]:
    """Fetched by the init step of each pod, through a rolling update under load; the doctor asks it, too."""
    _with_password(release.namespace, pushed)
    values = _values(pushed) | {"secrets": {"caBundle": {"name": AUTHORITY}, "registry": {"name": PULL_SECRET}}}
    return _served(release, search, values)


def _mounted(release: Release, search: SearchPod, pushed: Pushed) -> dict[str, Any]:
    """Pulled by the nodes from the same registry by the same digest, with the pods' own pull secret."""
    return _served(
        release,
        search,
        {
            "model": {"source": pushed.hub_source},
            "cache": {"type": "image", "image": pushed.reference},
            "image.pullSecrets": [PULL_SECRET],
        },
    )


def _served(release: Release, search: SearchPod, values: Values) -> dict[str, Any]:
    release.install(values)
    with search.start_load(release.url, RATE) as load:
        release.helm("test", release.name)
        release.upgrade({**values, "podAnnotations": {"again": "yes"}})
        release.await_settled()
        outcomes = load.outcome()
    assert failures(outcomes) == [], failures(outcomes)
    nodes = sorted({pod["spec"]["nodeName"] for pod in release.pods()})
    release.helm("uninstall", release.name, "--wait")
    return {"requests": len(outcomes), "failed": 0, "nodes": nodes}
