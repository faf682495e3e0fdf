"""A release from a clone of this tree to a registry of its own, and its bundle at a site without a network.

The key is thrown away, the version is the next one, and the tag stays in the clone. Needs no cluster.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.cluster.building import build_tools
from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.tools import CONTAINERD, COSIGN, HELM, RELEASE_TOOLS
from tests.e2e.image_names import VERSION
from tests.store.servers.container_registry import running_registry, write_credentials

ROOT = Path(__file__).resolve().parents[3]
SCENES: dict[str, tuple[str, ...]] = {
    "without CUDA": ("service-cpu", "operator"),
    "everything": ("service", "service-cpu", "tuning", "operator"),
}
"""The images of each."""

LIMIT_S = 7200


@dataclass(frozen=True)
class Clone:
    """A clone of this tree, with a key to sign by.

    Attributes:
        registry: Where it releases to.
        version: What it releases.
        login: The folder that `docker login` writes to.
    """

    folder: Path
    key: Path
    registry: str
    version: str
    login: Path

    def make(self, *targets: str) -> str:
        """`make release`, which has no more in it; gives what it printed."""
        images = [word for target in targets for word in ("--image", target)]
        return self._run("make", "--version", self.version, "--registry", self.registry, *images)

    def bundle(self) -> Path:
        self._run("bundle", "--version", self.version)
        return self.folder / "dist" / f"bge-reranker-{self.version}-bundle.tar"

    def git(self, *arguments: str) -> str:
        return run(["git", *arguments], folder=self.folder).strip()

    def _run(self, command: str, *arguments: str) -> str:
        return run(
            [sys.executable, "-m", "release", command, "--key", self.key, *arguments],
            environment={"PYTHONPATH": "tools", "COSIGN_PASSWORD": "thrown away", "DOCKER_CONFIG": str(self.login)},
            folder=self.folder,
            time_limit_s=LIMIT_S,
        )


def prove(scenes: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each set of images from nothing to a site's registry."""
    build_tools(Console(), (CONTAINERD, HELM, *RELEASE_TOOLS))
    for scene in scenes:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
            parent = Path(name)
            with running_registry(parent / "registry", is_closed=True) as host:
                clone = _clone(parent, host)
                made, archive = _released(clone, SCENES[scene])
            # What the bundle was taken from; neither of them is at the site.
            shutil.rmtree(parent / "registry")
            yield scene, {**made, "site": _at_a_site(archive, clone)}


def _clone(parent: Path, host: str) -> Clone:
    folder, login = parent / "tree", parent / "docker"
    login.mkdir()
    write_credentials(login / "config.json", host)
    run(["git", "clone", "--quiet", "--no-tags", ROOT, folder])
    key = _key(parent / "key")
    major, minor, patch = VERSION.split(".")
    clone = Clone(folder, key, f"{host}/search", f"{major}.{minor}.{int(patch) + 1}", login)
    for name, value in (("user.name", "A proof"), ("user.email", "proof@example.org")):
        clone.git("config", name, value)
    changelog = folder / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(text.replace("## [Unreleased]\n", "## [Unreleased]\n\n- A proof.\n", 1), encoding="utf-8")
    clone.git("commit", "--quiet", "--all", "--message=Something new")
    return clone


def _key(folder: Path) -> Path:
    folder.mkdir()
    run([COSIGN.program(), "generate-key-pair"], environment={"COSIGN_PASSWORD": "thrown away"}, folder=folder)
    return folder / "cosign.key"


def _released(clone: Clone, targets: Sequence[str]) -> tuple[dict[str, Any], Path]:
    """The figures, and the bundle."""
    stranger = _refusal(replace(clone, login=clone.folder.parent / "nobody"), targets)
    assert "are you logged in" in stranger, stranger
    before, began = clone.git("rev-parse", "HEAD"), time.monotonic()
    clone.make(*targets)
    release_s = time.monotonic() - began
    assert clone.git("rev-parse", "HEAD~1") == before, "one commit more"
    assert clone.git("describe", "--exact-match") == f"v{clone.version}"
    assert clone.git("status", "--porcelain") == ""
    # What is generated from a version was generated for the new one.
    run([sys.executable, "-m", "generate", "--check"], environment={"PYTHONPATH": "tools"}, folder=clone.folder)
    refusals = [stranger, *_refused_again(clone, targets)]
    began = time.monotonic()
    archive = clone.bundle()
    bundle_s = time.monotonic() - began
    _changed_is_noticed(archive, clone)
    record = json.loads((clone.folder / "dist" / clone.version / "release.json").read_text(encoding="utf-8"))
    figures = {
        "images_mb": {each["target"]: round(each["size_bytes"] / 1e6) for each in record["images"]},
        "release_s": round(release_s, 1),
        "refused": refusals,
        "bundle_s": round(bundle_s, 1),
        "bundle_mb": round(archive.stat().st_size / 1e6),
    }
    return figures, archive


def _refused_again(clone: Clone, targets: Sequence[str]) -> list[str]:
    """The same version once more: first the tag is in the way, then what the registry has."""
    tagged = _refusal(clone, targets)
    assert f"The tag v{clone.version} exists" in tagged, tagged
    clone.git("tag", "--delete", f"v{clone.version}")
    published = _refusal(clone, targets)
    assert "is there already" in published, published
    return [tagged, published]


def _refusal(clone: Clone, targets: Sequence[str]) -> str:
    try:
        clone.make(*targets)
    except ClusterError as error:
        return str(error).splitlines()[-1].removeprefix("Error: ").replace(clone.registry, "REGISTRY")
    raise AssertionError("it should have been refused")


def _changed_is_noticed(archive: Path, clone: Clone) -> None:
    """One byte of an image, and somebody else's key."""
    _flip_a_bit(archive)
    assert "was changed" in _complaint(archive, clone.key.with_suffix(".pub"))
    _flip_a_bit(archive)
    assert "verify-blob" in _complaint(archive, _key(clone.folder.parent / "other").with_suffix(".pub"))


def _flip_a_bit(archive: Path) -> None:
    """In its middle, which is inside an image; once more, and it is as it was."""
    with archive.open("r+b") as file:
        place = file.seek(archive.stat().st_size // 2)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))


def _complaint(archive: Path, public_key: Path) -> str:
    program = "import sys; from pathlib import Path; from release.bundling import verify_bundle;"
    command = [sys.executable, "-c", f"{program} verify_bundle(Path(sys.argv[1]), Path(sys.argv[2]))"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tools'}:{ROOT}"}
    done = subprocess.run(
        [*command, str(archive), str(public_key)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0, "the bundle should have been refused"
    return done.stderr


def _at_a_site(archive: Path, clone: Clone) -> dict[str, Any]:
    """In a network namespace of its own, which has no way out."""
    module = (sys.executable, "-m", "tests.e2e.proofs.release_site", str(archive), str(clone.key.with_suffix(".pub")))
    printed = run(["unshare", "--net", "--mount", *module], folder=ROOT, time_limit_s=LIMIT_S)
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found
