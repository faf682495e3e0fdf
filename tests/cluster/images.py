"""Container images of one static program each, written without a container tool: one layer, no base."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PREFIX = "cluster.local/"
"""Registry part of the images' names; nothing can be pulled from it."""


@dataclass(frozen=True)
class ProgramImage:
    """An image that holds programs and runs one of them.

    Attributes:
        name: Name with tag.
        files: Path inside the image to the file on this machine.
        command: What runs when the pod names nothing else.
        links: Path inside the image to where it points.
    """

    name: str
    files: Mapping[str, Path]
    command: Sequence[str]
    links: Mapping[str, str] = field(default_factory=dict)

    def write(self, archive: Path) -> None:
        """Write an OCI archive; the same programs give the same bytes."""
        layer = self._layer()
        configuration = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": list(self.command), "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
        blobs: dict[str, bytes] = {}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _blob(blobs, _json(configuration), "application/vnd.oci.image.config.v1+json"),
            "layers": [_blob(blobs, layer, "application/vnd.oci.image.layer.v1.tar")],
        }
        entry = _blob(blobs, _json(manifest), "application/vnd.oci.image.manifest.v1+json")
        entry["annotations"] = {"io.containerd.image.name": self.name}
        index = {"schemaVersion": 2, "manifests": [entry]}
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w") as tar:
            _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _add(tar, "index.json", _json(index))
            for digest, blob in blobs.items():
                _add(tar, f"blobs/sha256/{digest}", blob)

    def _layer(self) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for path, source in sorted(self.files.items()):
                _add(tar, path.lstrip("/"), source.read_bytes(), mode=0o755)
            for path, target in sorted(self.links.items()):
                link = tarfile.TarInfo(path.lstrip("/"))
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
            scratch = tarfile.TarInfo("tmp")
            scratch.type, scratch.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(scratch)
        return stream.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _blob(blobs: dict[str, bytes], content: bytes, media_type: str) -> dict[str, Any]:
    digest = _digest(content)
    blobs[digest.removeprefix("sha256:")] = content
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
