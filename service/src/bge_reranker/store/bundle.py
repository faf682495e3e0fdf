"""Bundles for places without a network: a version of the store as a tar, and as an OCI image whose root is a store."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from typing_extensions import override

from .manifest import MANIFEST_FILE, Manifest, read_manifest
from .paths import REFERENCES, Version, unwritable
from .verification import verify

_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_FOLDER_MODE, _FILE_MODE = 0o755, 0o644


def write_bundle(version: Version, file: Path) -> None:
    """Write a version as a tar.

    Args:
        version: What to pack; every byte is compared with its manifest first.
        file: Where to; written beside and renamed.

    Raises:
        ModelError: As `_written_beside`.
        SettingsError: As `_written_beside`.
    """
    with _written_beside(version, file) as (manifest, temporary), temporary.open("wb") as stream:
        _write_tar(stream, version, manifest)


def write_oci_layout(version: Version, folder: Path) -> str:
    """Write a version as an image in OCI's layout, which every registry's tools push and every runtime loads.

    Args:
        version: What to pack; every byte is compared with its manifest first.
        folder: Where to; written beside and renamed.

    Returns:
        The image's digest.

    Raises:
        ModelError: As `_written_beside`.
        SettingsError: As `_written_beside`.
    """
    with _written_beside(version, folder) as (manifest, temporary):
        (temporary / "blobs" / "sha256").mkdir(parents=True)
        return _write_image(temporary, version, manifest)


@contextmanager
def _written_beside(version: Version, target: Path) -> Iterator[tuple[Manifest, Path]]:
    """Verify a version, and give what is written of it its name only when it is whole.

    Args:
        version: Every byte is compared with its manifest first.
        target: A file or folder that does not exist.

    Yields:
        The manifest, and where to write.

    Raises:
        DigestMismatch: If the version is damaged.
        DiskFull: If there is no room.
        SettingsError: If it cannot be written.
    """
    manifest = read_manifest(version.path)
    verify(version.path, manifest)
    temporary = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(temporary)
        yield manifest, temporary
        temporary.rename(target)
    except OSError as error:
        _remove(temporary)
        raise unwritable(target, error) from error


def _remove(path: Path) -> None:
    """Remove what an interrupted run left, if anything."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_tar(stream: IO[bytes] | _HashingWriter, version: Version, manifest: Manifest) -> None:
    """The version's folder and what its revision was called, as they lie in a store."""
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(_folder(version.name))
        tar.addfile(_folder(f"{version.name}/{REFERENCES}"))
        for reference in sorted((version.path.parent / REFERENCES).iterdir()):
            if reference.read_text(encoding="utf-8") == version.key:
                content = version.key.encode()
                tar.addfile(_file(f"{version.name}/{REFERENCES}/{reference.name}", len(content)), io.BytesIO(content))
        tar.addfile(_folder(version.key))
        for name in sorted([MANIFEST_FILE, *(entry.path for entry in manifest.files)]):
            path = version.path / name
            with path.open("rb") as file:
                tar.addfile(_file(f"{version.key}/{name}", path.stat().st_size), file)


def _write_image(layout: Path, version: Version, manifest: Manifest) -> str:
    temporary = layout / "layer"
    with temporary.open("wb") as file:
        hashing = _HashingWriter(file)
        _write_tar(hashing, version, manifest)
    layer = _descriptor(_LAYER_TYPE, hashing.hexdigest(), hashing.size_bytes)
    temporary.rename(layout / "blobs" / "sha256" / hashing.hexdigest())
    config = _write_blob(
        layout,
        _CONFIG_TYPE,
        {
            # Weights run on no processor; runtimes want one named all the same.
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        },
    )
    image = _write_blob(
        layout,
        _MANIFEST_TYPE,
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": config,
            "layers": [layer],
            "annotations": _annotations(version, manifest),
        },
    )
    named = image | {"annotations": {"org.opencontainers.image.ref.name": manifest.short_digest}}
    _write_json(layout / "index.json", {"schemaVersion": 2, "manifests": [named]})
    _write_json(layout / "oci-layout", {"imageLayoutVersion": "1.0.0"})
    return str(image["digest"])


def _annotations(version: Version, manifest: Manifest) -> Mapping[str, str]:
    annotations = {
        "org.opencontainers.image.title": version.name,
        "org.opencontainers.image.version": version.revision,
        "io.bge-reranker.digest": manifest.digest,
    }
    provenance = manifest.provenance
    if provenance is not None:
        annotations["org.opencontainers.image.source"] = provenance.source
        if provenance.licence is not None:
            annotations["org.opencontainers.image.licenses"] = provenance.licence
    return annotations


def _write_blob(layout: Path, media_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
    data = json.dumps(content, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(data)
    return _descriptor(media_type, digest, len(data))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True), encoding="utf-8")


def _descriptor(media_type: str, digest: str, size_bytes: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size_bytes}


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, _FOLDER_MODE
    return info


def _file(name: str, size_bytes: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size_bytes, _FILE_MODE
    return info


class _HashingWriter(io.RawIOBase):
    """Writes on and hashes what it writes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Any, /) -> int:
        self._digest.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)

    def hexdigest(self) -> str:
        """Of what was written so far, 64 hex digits."""
        return self._digest.hexdigest()
