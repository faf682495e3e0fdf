"""Debian's docker-registry, a real one, and images in it as their builders make them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests import needs
from tests.in_ci import lacking

USER, PASSWORD = "reader", "secret"
_HASHED = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"

_CONFIGURATION = """version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http:
  addr: "{host}:{port}"
"""
_ENCRYPTED = "  tls: {{certificate: {certificate}, key: {certificate}}}\n"

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


@contextmanager
def running_registry(
    folder: Path,
    auth: str = "",
    *,
    is_closed: bool = False,
    host: str = "127.0.0.1",
    certificate: Path | None = None,
) -> Iterator[str]:
    """Run an empty registry on a free port and give `host:port`.

    Args:
        folder: Where it writes.
        auth: The `auth` part of its configuration.
        is_closed: Whether it is open to USER with PASSWORD alone.
        host: An address of this machine.
        certificate: With its key; none for a registry without encryption.
    """
    program = shutil.which("docker-registry")
    if program is None:
        lacking(needs.DOCKER_REGISTRY.lack)
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    address, text = f"{host}:{port}", _CONFIGURATION.format(folder=folder / "storage", host=host, port=port)
    if certificate is not None:
        text += _ENCRYPTED.format(certificate=certificate)
    if is_closed:
        (folder / "users").write_text(f"{USER}:{_HASHED}\n", encoding="utf-8")
        auth = f"auth: {{htpasswd: {{realm: tests, path: {folder / 'users'}}}}}\n"
    configuration = folder / "registry.yaml"
    configuration.write_text(text + auth, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(configuration)], stdout=log, stderr=log)
    try:
        scheme = "http" if certificate is None else "https"
        # What it is signed with is another's test.
        with httpx.Client(transport=httpx.HTTPTransport(retries=8, verify=False)) as client:
            assert client.get(f"{scheme}://{address}/v2/").status_code in {200, 401}
        yield address
    finally:
        process.kill()
        process.wait()


def write_credentials(file: Path, *keys: str, user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """Write a file as `docker login` does; gives the environment that names it."""
    packed = base64.b64encode(f"{user}:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {key: {"auth": packed} for key in keys}}), encoding="utf-8")
    return {"REGISTRY_AUTH_FILE": str(file)}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer_of(files: dict[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    """A layer, uncompressed."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return data.getvalue()


def described(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def manifest_of(layers: Sequence[bytes], media_types: Sequence[str] = ()) -> bytes:
    """The manifest of an image with these layers."""
    types = media_types or [f"{LAYER_TYPE}+gzip" if layer[:2] == b"\x1f\x8b" else LAYER_TYPE for layer in layers]
    config = described(b"{}", "application/vnd.oci.image.config.v1+json")
    listed = [described(layer, media_type) for layer, media_type in zip(layers, types, strict=True)]
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": listed}).encode()


def packed(layer: bytes) -> bytes:
    return gzip.compress(layer, 1, mtime=0)
