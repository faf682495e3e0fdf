from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import click
import pytest

from release.artefacts import Chart, Image, Record
from release.bundling import Bundle, bytes_needed, compare_sums, name_image
from release.publishing import compare_blobs
from tests.store.servers.container_registry import digest_of, layer_of, manifest_of, packed


@pytest.fixture
def layout(tmp_path: Path) -> tuple[Path, str]:
    """An image as the container tools write it, and the digest of its manifest."""
    layer = packed(layer_of({"a": b"text"}))
    manifest = manifest_of([layer])
    blobs = tmp_path / "layout" / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for content in (layer, manifest, b"{}"):
        (blobs / digest_of(content).removeprefix("sha256:")).write_bytes(content)
    entry = {"digest": digest_of(manifest), "annotations": {"org.opencontainers.image.ref.name": "0.2.0-cpu"}}
    signature = {"digest": digest_of(b"{}"), "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"}
    (tmp_path / "layout" / "index.json").write_text(json.dumps({"manifests": [entry, signature]}))
    return tmp_path / "layout", digest_of(manifest)


def test_an_image_that_came_back_as_it_was_is_taken(layout: tuple[Path, str]) -> None:
    compare_blobs(*layout)


def test_a_part_of_an_image_that_was_changed_or_is_missing_is_named(layout: tuple[Path, str]) -> None:
    folder, digest = layout
    largest = max((folder / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    content = largest.read_bytes()
    largest.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(click.ClickException, match="it was changed"):
        compare_blobs(folder, digest)
    largest.unlink()
    with pytest.raises(click.ClickException, match=f"lacks sha256:{largest.name}"):
        compare_blobs(folder, digest)


def test_containerd_finds_the_image_by_the_registry_s_name_and_no_signature_by_any(layout: tuple[Path, str]) -> None:
    folder, digest = layout
    name_image(folder, digest, "registry.example/bge-reranker:0.2.0-cpu")
    image, signature = json.loads((folder / "index.json").read_text())["manifests"]
    assert image["annotations"] == {
        "io.containerd.image.name": "registry.example/bge-reranker:0.2.0-cpu",
        "org.opencontainers.image.ref.name": "0.2.0-cpu",
    }
    assert "annotations" not in signature


def test_a_bundle_takes_files_in_and_keeps_none_of_them_twice(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"one")
    with tarfile.open(tmp_path / "bundle.tar", "w") as tar:
        Bundle(tar, "bundle/").take(tmp_path / "one", "images/one.tar")
    assert not (tmp_path / "one").exists()
    with tarfile.open(tmp_path / "bundle.tar") as tar:
        (member,) = tar.getmembers()
        content = tar.extractfile(member)
        assert content is not None
        assert (member.name, member.mtime, content.read()) == ("bundle/images/one.tar", 0, b"one")


def test_a_bundle_needs_room_for_its_images_and_for_the_largest_twice() -> None:
    images = tuple(Image(f"{size}", "bge-reranker", "0.2.0", "sha256:0", size) for size in (3 * 10**9, 10**9))
    record = Record("0.2.0", "0", "registry.example", images, Chart("0.2.0", "sha256:0", "0"))
    assert 7e9 <= bytes_needed(record) <= 8e9


def test_a_list_of_checksums_is_compared_both_ways(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"one")
    with tarfile.open(tmp_path / "bundle.tar", "w") as tar:
        bundle = Bundle(tar, "bundle/")
        bundle.take(tmp_path / "one", "images/one.tar")
    listed = bundle.sums()
    found = {"images/one.tar": hashlib.sha256(b"one").hexdigest()}
    assert listed == f"{found['images/one.tar']}  images/one.tar\n"
    compare_sums(listed, found)
    for other, complaint in (
        ({}, "lacks images/one.tar"),
        ({"images/one.tar": "0" * 64}, "images/one.tar of the bundle was changed"),
        ({**found, "two": "0" * 64}, "has two, which SHA256SUMS does not list"),
    ):
        with pytest.raises(click.ClickException, match=complaint):
            compare_sums(listed, other)
