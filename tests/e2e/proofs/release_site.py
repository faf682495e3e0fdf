"""A site without a network: unpacks a bundle, verifies it, and brings it to a registry and a node of its own.

`python -m tests.e2e.proofs.release_site ARCHIVE PUBLIC_KEY` in a network namespace without a way out. The commands are
those of docs/air-gapped.md. To need little of a disk, it deletes the archive once that is unpacked, the registry when
all is there, and each image's archive when a node has it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.tools import CONTAINERD
from tests.e2e.kubernetes import wait_until
from tests.store.servers.container_registry import running_registry

LIMIT_S = 3600
_CONTAINERD = """version = 3
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
address = "{folder}/containerd.sock"
"""


@dataclass(frozen=True)
class Site:
    """An unpacked bundle, with the programs in it.

    Attributes:
        public_key: As it was handed over by another way.
    """

    folder: Path
    public_key: Path

    def program(self, name: str, *arguments: str | Path) -> str:
        return run([self.folder / "programs" / name, *arguments], folder=self.folder, time_limit_s=LIMIT_S)

    def verify(self, command: str, *arguments: str) -> None:
        self.program("cosign", command, f"--key={self.public_key}", "--insecure-ignore-tlog", *arguments)


def bring_in(archive: Path, public_key: Path) -> dict[str, Any]:
    """Everything that docs/air-gapped.md says, with the seconds it takes."""
    run(["ip", "link", "set", "lo", "up"])
    assert len(Path("/proc/net/route").read_text(encoding="utf-8").splitlines()) == 1, "there is a way out"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        parent = Path(name)
        run(["tar", "--extract", f"--file={archive}", f"--directory={parent}"], time_limit_s=LIMIT_S)
        archive.unlink()
        (folder,) = parent.iterdir()
        site = Site(folder, public_key)
        site.verify("verify-blob", "--bundle=SHA256SUMS.sigstore.json", "SHA256SUMS")
        run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], folder=folder, time_limit_s=LIMIT_S)
        verified_s = time.monotonic() - began
        record = json.loads((folder / "release.json").read_text(encoding="utf-8"))
        with running_registry(parent / "registry") as host:
            pushed = _push(site, record, f"{host}/mirror")
        shutil.rmtree(parent / "registry")
        return {
            "verified_s": round(verified_s, 1),
            "pushed_and_verified_again": pushed,
            "imported_by_a_node": _import(site, record, parent / "node"),
            "took_s": round(time.monotonic() - began, 1),
        }


def _push(site: Site, record: dict[str, Any], registry: str) -> list[str]:
    """To the site's registry, with signatures that the same key verifies there; the chart is rendered from there."""
    pushed = []
    for image in record["images"]:
        name, layout = (
            f"{registry}/{image['repository']}:{image['tag']}",
            f"images/{image['target']}.tar:{image['tag']}",
        )
        site.program("oras", "copy", "--recursive", "--from-oci-layout", layout, "--to-plain-http", name)
        reference = f"{registry}/{image['repository']}@{image['digest']}"
        site.verify("verify", "--allow-http-registry", reference)
        for kind in ("cyclonedx", "slsaprovenance1"):
            site.verify("verify-attestation", f"--type={kind}", "--allow-http-registry", reference)
        pushed.append(name.partition("/")[2])
    version, chart = record["version"], f"{registry}/charts/bge-reranker"
    layout = f"chart.tar:{version}"
    site.program("oras", "copy", "--recursive", "--from-oci-layout", layout, "--to-plain-http", f"{chart}:{version}")
    site.verify("verify", "--allow-http-registry", f"{chart}@{record['chart']['digest']}")
    values = f"--values={site.folder / 'values-by-digest-cpu.yaml'}"
    options = (f"--version={version}", "--plain-http", values, f"--set=image.registry={registry}")
    rendered = site.program("helm", "template", "demo", f"oci://{chart}", *options)
    images = {line.split('"')[1] for line in rendered.splitlines() if line.strip().startswith("image: ")}
    assert images == {
        f"{registry}/{each['repository']}@{each['digest']}"
        for each in record["images"]
        if each["target"] in {"service-cpu", "operator"}
    }, images
    return [*pushed, f"{chart}:{version}".partition("/")[2]]


def _import(site: Site, record: dict[str, Any], folder: Path) -> list[str]:
    """Into a containerd, as a node without a registry; the images have the names that the chart gives them."""
    with _containerd(folder) as ctr:
        for image in record["images"]:
            packed = site.folder / "images" / f"{image['target']}.tar"
            run([*ctr, "images", "import", packed], time_limit_s=LIMIT_S)
            packed.unlink()
        listed = [line.split() for line in run([*ctr, "images", "ls"]).splitlines()[1:]]
    found = {line[0]: line[2] for line in listed}
    registry = record["registry"]
    wanted = {f"{registry}/{each['repository']}:{each['tag']}": each["digest"] for each in record["images"]}
    assert found == wanted, (found, wanted)
    return sorted(name.partition("/")[2] for name in found)


@contextmanager
def _containerd(folder: Path) -> Iterator[list[str | Path]]:
    folder.mkdir()
    (folder / "config.toml").write_text(_CONTAINERD.format(folder=folder), encoding="utf-8")
    ctr: list[str | Path] = [CONTAINERD.program("ctr"), f"--address={folder}/containerd.sock", "--namespace=k8s.io"]
    with (folder / "log").open("wb") as log:
        command = [str(CONTAINERD.program()), f"--config={folder}/config.toml"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(ctr), "containerd answers", 60)
        yield ctr
    finally:
        process.terminate()
        process.wait()


def _answers(ctr: list[str | Path]) -> bool:
    try:
        run([*ctr, "version"])
    except ClusterError:
        return False
    return True


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bring_in(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
