"""Bundles: the same bytes every time, into another store under the model's own name, and served without a network."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from bge_reranker.demo import demo_model_directory
from bge_reranker.errors import CorruptFile, DigestMismatch
from bge_reranker.store.bundle import write_bundle, write_oci_layout
from bge_reranker.store.fetch import Fetched
from bge_reranker.store.layout import Store
from bge_reranker.store.source import require_source

from .models import contents, fetch, model_files
from .servers.hub import running_hub

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


def test_a_bundle_and_an_image_rank_with_the_network_cut(tmp_path: Path) -> None:
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("cutting the network needs root")
    files = {path.name: path.read_bytes() for path in demo_model_directory().iterdir()}
    version = fetched_from_hub(tmp_path / "here", files).version
    write_bundle(version, tmp_path / "bundle.tar")
    program = [str(Path(sys.executable).parent / "bge-reranker")]
    environment = {"PATH": "/usr/bin:/bin", "BGE_RERANKER_CACHE_DIR": str(tmp_path / "there"), "HOME": "/nonexistent"}

    def run(*arguments: str, stdin: str = "") -> str:
        command = ["unshare", "--net", *program, *arguments]
        ended = subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert run("model", "fetch", f"file://{tmp_path}/bundle.tar").strip() == str(tmp_path / "there" / version.key)
    write_oci_layout(version, tmp_path / "image")
    (layer,) = (path for path in (tmp_path / "image" / "blobs" / "sha256").iterdir() if tarfile.is_tarfile(path))
    with tarfile.open(layer) as tar:
        tar.extractall(tmp_path / "root", filter="data")
    for store in ("there", "root"):
        flags = ("--json", "--model", SOURCE, "--cache-dir", str(tmp_path / store))
        ranked = run("rerank", "capital of France", "-", *flags, stdin="Bananas\nParis is a capital\n")
        assert json.loads(ranked.splitlines()[0])["text"] == "Paris is a capital"
