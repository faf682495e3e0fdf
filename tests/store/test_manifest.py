"""Hashes, the digest and the manifest file, on real folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bge_reranker.errors import CorruptFile, DigestMismatch
from bge_reranker.store.manifest import FileEntry, Manifest, hash_model, read_manifest, write_manifest
from bge_reranker.store.verification import verify, verify_sample

FILES = {
    "config.json": b"{}",
    "model-00001-of-00002.safetensors": b"one",
    "model-00002-of-00002.safetensors": b"two",
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    ).encode(),
    "sentencepiece.bpe.model": b"pieces",
    "tokenizer.json": b"{ }",
}
OTHERS = {
    "README.md": b"hello",
    "pytorch_model.bin": b"pickle",
    "adapter_model.safetensors": b"no weights that are loaded",
    "model-00003-of-00003.safetensors": b"not in the index",
    "manifest.json": b"{}",
    "onnx/model.safetensors": b"no",
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for name, content in {**FILES, **OTHERS}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_hash_model_lists_the_files_that_decide_a_score_and_no_others(model: Path) -> None:
    entries = hash_model(model).files
    assert [entry.path for entry in entries] == sorted(FILES)
    assert entries[1] == FileEntry(
        "model-00001-of-00002.safetensors", 3, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    )


def test_digest_is_the_hash_of_what_sha256sum_prints(model: Path) -> None:
    listing = "".join(f"{hashlib.sha256(FILES[name]).hexdigest()}  {name}\n" for name in sorted(FILES))
    manifest = hash_model(model)
    assert manifest.digest == hashlib.sha256(listing.encode()).hexdigest()
    assert manifest.short_digest == manifest.digest[:12]


def test_digest_does_not_depend_on_the_order_of_entries(model: Path) -> None:
    manifest = hash_model(model)
    assert Manifest(manifest.files[::-1]).digest == manifest.digest


def test_hash_model_follows_links_as_a_hugging_face_cache_has_them(model: Path, tmp_path: Path) -> None:
    linked = tmp_path / "snapshot"
    linked.mkdir()
    for name in FILES:
        (linked / name).symlink_to(model / name)
    assert hash_model(linked) == hash_model(model)


def test_hash_model_names_a_link_whose_file_is_gone(model: Path) -> None:
    (model / "model.safetensors").symlink_to(model / "blob-that-was-never-fetched")
    with pytest.raises(CorruptFile, match=r"model\.safetensors.*does not exist"):
        hash_model(model)


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_hash_model_refuses_a_folder_without_model_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorruptFile, match=name):
        hash_model(tmp_path / name)


def test_manifest_survives_writing_and_reading(model: Path) -> None:
    manifest = hash_model(model)
    write_manifest(model, manifest)
    assert read_manifest(model) == manifest
    verify(model, read_manifest(model))
    assert not list(model.glob(".manifest*"))


def test_read_manifest_refuses_a_digest_that_is_not_that_of_its_entries(model: Path) -> None:
    write_manifest(model, hash_model(model))
    content = json.loads((model / "manifest.json").read_text())
    content["files"][0]["sha256"] = "0" * 64
    (model / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(CorruptFile, match="its entries give"):
        read_manifest(model)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"files": 3, "digest": ""}',
        '{"files": [{"path": "../x", "size_bytes": 1, "sha256": ""}], "digest": ""}',
        '{"files": [{"path": 1, "size_bytes": 1, "sha256": ""}], "digest": ""}',
    ],
)
def test_read_manifest_refuses_what_is_no_manifest(model: Path, text: str) -> None:
    (model / "manifest.json").write_text(text)
    with pytest.raises(CorruptFile, match="cannot be read as a manifest"):
        read_manifest(model)


def test_read_manifest_says_so_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match=r"has no manifest\.json"):
        read_manifest(tmp_path)


def test_verify_names_the_file_and_both_hashes_when_a_byte_changed(model: Path) -> None:
    manifest = hash_model(model)
    (model / "model-00002-of-00002.safetensors").write_bytes(b"tWo")
    found = hashlib.sha256(b"tWo").hexdigest()
    with pytest.raises(DigestMismatch, match=found) as raised:
        verify(model, manifest)
    assert "model-00002-of-00002.safetensors" in raised.value.message
    assert hashlib.sha256(b"two").hexdigest() in raised.value.message


def test_verify_names_sizes_when_a_file_is_cut(model: Path) -> None:
    manifest = hash_model(model)
    (model / "tokenizer.json").write_bytes(b"{")
    with pytest.raises(DigestMismatch, match=r"tokenizer\.json .*expected 3 bytes, found 1 bytes"):
        verify(model, manifest)


def test_verify_names_a_file_that_is_missing(model: Path) -> None:
    manifest = hash_model(model)
    (model / "tokenizer.json").unlink()
    with pytest.raises(CorruptFile, match=r"tokenizer\.json cannot be read"):
        verify(model, manifest)


@pytest.mark.parametrize("compare", [verify, verify_sample])
@pytest.mark.parametrize("name", ["vocab.txt", "model.safetensors"])
def test_a_file_that_would_be_loaded_and_that_the_manifest_does_not_know_is_named(
    model: Path, name: str, compare: Callable[[Path, Manifest], None]
) -> None:
    manifest = hash_model(model)
    (model / name).write_bytes(b"a")
    with pytest.raises(DigestMismatch, match=name):
        compare(model, manifest)


@pytest.mark.parametrize("compare", [verify, verify_sample])
def test_an_index_that_was_altered_is_named_whatever_it_says_now(
    model: Path, compare: Callable[[Path, Manifest], None]
) -> None:
    manifest = hash_model(model)
    index = model / "model.safetensors.index.json"
    index.write_bytes(index.read_bytes().replace(b"weight_map", b"weight_mop"))
    with pytest.raises(DigestMismatch, match=r"index\.json"):
        compare(model, manifest)


def test_a_shard_that_the_manifest_does_not_know_is_named_though_the_index_does(model: Path) -> None:
    manifest = hash_model(model)
    known = tuple(entry for entry in manifest.files if entry.path != "model-00002-of-00002.safetensors")
    with pytest.raises(DigestMismatch, match="model-00002-of-00002"):
        verify(model, replace(manifest, files=known))


def test_a_file_that_is_not_loaded_may_lie_beside_the_model(model: Path) -> None:
    manifest = hash_model(model)
    (model / "model.fp16.safetensors").write_bytes(b"another variant")
    verify(model, manifest)


def test_write_manifest_leaves_the_old_one_when_the_new_one_cannot_be_written(model: Path) -> None:
    manifest = hash_model(model)
    write_manifest(model, manifest)
    unwritable = replace(manifest.files[0], size_bytes=object())  # type: ignore[arg-type]  # what JSON cannot hold
    with pytest.raises(TypeError):
        write_manifest(model, Manifest((unwritable,)))
    assert read_manifest(model) == manifest
    assert not list(model.glob(".manifest*"))
