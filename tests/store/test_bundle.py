"""Bundles: the same bytes every time, into another store under the model's own name, and served without a network."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from bge_reranker.demo import demo_model_directory
from bge_reranker.errors import CorruptFile, DigestMismatch
from bge_reranker.store.bundle import write_bundle, write_oci_layout
from bge_reranker.store.fetch import Fetched
from bge_reranker.store.paths import Store
from bge_reranker.store.sources.registry import require_source
from tests import needs
from tests.in_ci import lacking

from .models import contents, fetch, model_files
from .servers.hub import running_hub
from .test_commands import PROGRAM

SOURCE = "hf://org/name"


def fetched_from_hub(directory: Path, files: dict[str, bytes] | None = None) -> Fetched:
    with running_hub() as hub:
        hub.add("org/name", files or model_files())
        return fetch(directory, SOURCE, hub.environment)


def test_a_bundle_goes_into_another_store_under_the_name_of_its_origin(tmp_path: Path) -> None:
    version = fetched_from_hub(tmp_path / "here").version
    write_bundle(version, tmp_path / "bundle.tar")
    there = fetch(tmp_path / "there", f"file://{tmp_path}/bundle.tar").version
    assert there.key == version.key
    assert contents(there.path) == contents(version.path)
    for revision in (None, "main", version.revision):
        assert Store(tmp_path / "there").find(require_source(SOURCE, revision)) == there
    assert fetch(tmp_path / "there", f"file://{tmp_path}/bundle.tar").was_there


def test_a_bundle_unpacked_by_tar_alone_is_a_store(tmp_path: Path) -> None:
    version = fetched_from_hub(tmp_path / "here").version
    write_bundle(version, tmp_path / "bundle.tar")
    (tmp_path / "there").mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "bundle.tar", "-C", tmp_path / "there"], check=True)
    assert Store(tmp_path / "there").find(require_source(SOURCE, None)) is not None


def test_bundles_of_one_version_are_the_same_bytes(tmp_path: Path) -> None:
    version = fetched_from_hub(tmp_path / "here").version
    write_bundle(version, tmp_path / "a.tar")
    os.utime(version.path / "config.json", (1, 1))
    write_bundle(version, tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_damaged_version_is_not_packed(tmp_path: Path) -> None:
    version = fetched_from_hub(tmp_path / "here").version
    (version.path / "tokenizer.json").write_bytes(b'{"model": []}')
    with pytest.raises(DigestMismatch, match=r"tokenizer\.json"):
        write_bundle(version, tmp_path / "bundle.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_bundle_whose_files_are_not_those_of_its_manifest_is_refused(tmp_path: Path) -> None:
    version = fetched_from_hub(tmp_path / "here").version
    write_bundle(version, tmp_path / "bundle.tar")
    data = (tmp_path / "bundle.tar").read_bytes()
    (tmp_path / "bundle.tar").write_bytes(data.replace(b'{"model": {}}', b'{"model": []}'))
    with pytest.raises(DigestMismatch, match=r"tokenizer\.json"):
        fetch(tmp_path / "there", f"file://{tmp_path}/bundle.tar")
    (tmp_path / "bundle.tar").write_bytes(data.replace(b'"digest"', b'"digits"'))
    with pytest.raises(CorruptFile, match="manifest"):
        fetch(tmp_path / "there", f"file://{tmp_path}/bundle.tar")
    assert not list(Store(tmp_path / "there").versions())


@pytest.mark.parametrize("name", ["..", "../../../evil", ".refs", "/evil"])
def test_a_bundle_cannot_leave_the_store_by_what_it_says_of_itself(tmp_path: Path, name: str) -> None:
    version = fetched_from_hub(tmp_path / "here").version
    manifest = version.path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"commit": name, "revision": name}))
    write_bundle(version, tmp_path / "bundle.tar")
    other = fetch(tmp_path / "there", "demo").version
    fetched = fetch(tmp_path / "there", f"file://{tmp_path}/bundle.tar").version
    assert fetched.path.resolve().parent == tmp_path / "there" / "org--name"
    assert not fetched.path.name.startswith(".")
    assert contents(fetched.path) == contents(version.path)
    assert sorted(Store(tmp_path / "there").versions(), key=lambda version: version.name) == [other, fetched]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.tar", "here", "there"]


def test_an_oci_layout_holds_what_its_digests_say_and_its_root_is_a_store(tmp_path: Path) -> None:
    version = fetched_from_hub(tmp_path / "here").version
    digest = write_oci_layout(version, tmp_path / "image")
    index = json.loads((tmp_path / "image" / "index.json").read_text())
    assert json.loads((tmp_path / "image" / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert [entry["digest"] for entry in index["manifests"]] == [digest]
    blobs = tmp_path / "image" / "blobs" / "sha256"
    for blob in blobs.iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    image = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
    (layer,) = image["layers"]
    config = json.loads((blobs / image["config"]["digest"].removeprefix("sha256:")).read_text())
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    path = blobs / layer["digest"].removeprefix("sha256:")
    assert path.stat().st_size == layer["size"]
    with tarfile.open(path) as tar:
        tar.extractall(tmp_path / "root", filter="data")
    found = Store(tmp_path / "root").find(require_source(SOURCE, None))
    assert found is not None
    assert contents(found.path) == contents(version.path)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the embedded model as `bundle.tar` and as the OCI image layout `image`."""
    folder = tmp_path_factory.mktemp("packed")
    files = {path.name: path.read_bytes() for path in demo_model_directory().iterdir()}
    version = fetched_from_hub(folder / "store", files).version
    write_bundle(version, folder / "bundle.tar")
    write_oci_layout(version, folder / "image")
    return folder


def run_cut_off(*command: str, stdin: str = "", **environment: str) -> str:
    """Run a command in a network of its own, which has not even a loopback."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        lacking("cutting the network needs root")
    ended = subprocess.run(
        ["unshare", "--net", *command],
        input=stdin,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def best_document(store: Path) -> str:
    """What the model of a store puts first, with the network cut."""
    flags = ("--json", "--model", SOURCE, "--cache-dir", str(store))
    question = ("rerank", "capital of France", "-", *flags)
    ranked = run_cut_off(PROGRAM, *question, stdin="Bananas\nParis is a capital\n")
    text = json.loads(ranked.splitlines()[0])["text"]
    assert isinstance(text, str)
    return text


def test_a_bundle_is_fetched_and_ranks_with_the_network_cut(packed: Path, tmp_path: Path) -> None:
    fetched = run_cut_off(PROGRAM, "model", "fetch", f"file://{packed}/bundle.tar", "--dir", str(tmp_path))
    assert Path(fetched).parent == tmp_path / "org--name"
    assert best_document(tmp_path) == "Paris is a capital"


def test_an_image_is_loaded_by_a_container_tool_and_ranks_with_the_network_cut(packed: Path, tmp_path: Path) -> None:
    if not needs.BUILDAH.is_met:
        lacking(needs.BUILDAH.lack)
    # Storage of its own: nothing is left behind, and no image that is there already can help.
    storage = ("--storage-driver", "vfs", "--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"))
    image = run_cut_off("buildah", *storage, "pull", f"oci:{packed}/image").splitlines()[-1]
    container = run_cut_off("buildah", *storage, "from", "--pull-never", image)
    try:
        root = Path(run_cut_off("buildah", *storage, "mount", container))
        assert [path.name for path in root.iterdir()] == ["org--name"]
        assert best_document(root) == "Paris is a capital"
    finally:
        run_cut_off("buildah", *storage, "umount", container)
        run_cut_off("buildah", *storage, "rm", container)
