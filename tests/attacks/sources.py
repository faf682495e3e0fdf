"""Servers that declare other sizes than they send, or values that are none, when a model is fetched from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bge_reranker.errors import RerankerError
from bge_reranker.store.paths import Store
from tests.attacks.attack import Attack
from tests.store.models import NEEDED, fetch, model_files
from tests.store.servers.container_registry import layer_of
from tests.store.servers.faulty import FaultyServer, Handler
from tests.store.servers.hub import running_hub
from tests.store.servers.image_server import running_image_server

_MODEL = {name: model_files(weights_bytes=1_000)[name] for name in NEEDED}
_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_DIGITS = "9" * 5_000
"""More than Python reads as a number."""


def _outcome(store: Path, source: str, environment: dict[str, str] | None = None) -> str:
    try:
        fetched = fetch(store, source, environment)
    except RerankerError as error:
        assert not list(Store(store).versions())
        return error.code
    return ", ".join(sorted(path.name for path in fetched.version.path.glob("*.safetensors")))


def _manifest(sizes: dict[str, Any]) -> bytes:
    """A list of the model's files that declares other sizes of some."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(_MODEL.items())}
    files = [
        {"path": name, "size_bytes": sizes.get(name, len(_MODEL[name])), "sha256": sha256}
        for name, sha256 in hashes.items()
    ]
    digest = hashlib.sha256("".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items()).encode()).hexdigest()
    return json.dumps({"digest": digest, "files": files}).encode()


@contextmanager
def _web(manifest: bytes) -> Iterator[FaultyServer]:
    server = FaultyServer()
    server.files = {f"/{name}": content for name, content in _MODEL.items()} | {"/manifest.json": manifest}
    with server.running():
        yield server


def _declared(sizes: dict[str, Any]) -> Callable[[Path], str]:
    def launch(folder: Path) -> str:
        with _web(_manifest(sizes)) as server:
            return _outcome(folder, f"{server.url}/manifest.json")

    return launch


def _endless(content: bytes, *, is_counted: bool = False) -> Callable[[Handler], bool]:
    """An answer that begins with some bytes and has no end, or one 2^60 bytes away."""

    def answer(handler: Handler) -> bool:
        handler.send_response(206 if is_counted else 200)
        if is_counted:
            # What the client of object stores wants to be told.
            handler.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            handler.send_header("Content-Range", f"bytes 0-{2**60 - 1}/{2**60}")
            handler.send_header("Content-Length", str(2**60))
        return _endless_body(handler, content)

    return answer


def _endless_body(handler: Handler, content: bytes) -> bool:
    handler.end_headers()
    handler.close_connection = True
    try:
        handler.wfile.write(content)
        while True:
            handler.wfile.write(bytes(65_536))
    except (BrokenPipeError, ConnectionResetError):
        return True


def _endless_weights(folder: Path) -> str:
    def answer(handler: Handler) -> bool:
        return handler.path == "/model.safetensors" and _endless(_MODEL["model.safetensors"])(handler)

    with _web(_manifest({})) as server:
        server.answers.append(answer)
        return _outcome(folder, f"{server.url}/manifest.json")


def _endless_manifest_of_a_bucket(folder: Path) -> str:
    """An object of ten bytes by the list's account."""
    listed = "".join(
        f"<Contents><Key>model/{name}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>10</Size></Contents>"
        for name in (*NEEDED, "manifest.json")
    )

    def answer(handler: Handler) -> bool:
        if handler.path.partition("?")[0] == "/bucket":
            handler.send_plain(200, f"<ListBucketResult><Name>bucket</Name>{listed}</ListBucketResult>".encode())
            return True
        return handler.path == "/bucket/model/manifest.json" and _endless(b"", is_counted=True)(handler)

    server = FaultyServer()
    server.answers.append(answer)
    with server.running():
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": server.url}
        return _outcome(folder, "s3://bucket/model", keys)


def _hub(**sibling: Any) -> Callable[[Path], str]:
    """A hub that says something of a file that cannot be."""
    siblings = [{"rfilename": name, "size": 10} for name in NEEDED] + [{"rfilename": "vocab.txt", **sibling}]
    body = json.dumps({"id": "org/name", "sha": _COMMIT, "siblings": siblings}).encode()

    def launch(folder: Path) -> str:
        def answer(handler: Handler) -> bool:
            handler.send_plain(200, body, Content_Type="application/json")
            return True

        with running_hub() as hub:
            hub.server.answers.insert(0, answer)
            return _outcome(folder, "hf://org/name", hub.environment)

    return launch


def _quota(folder: Path) -> str:
    with running_hub() as hub:
        hub.add("org/name", _MODEL)
        hub.info_statuses, hub.info_headers = [429], {"RateLimit": f'"api";r=0;t={_DIGITS}'}
        return _outcome(folder, "hf://org/name", hub.environment)


_TAR = layer_of(_MODEL)
_CHALLENGE = 'Bearer realm="{0}/token",scope="repository:models/reranker:pull"'


def _registry(*parts: tuple[str, Callable[[Handler], bool]]) -> Callable[[Path], str]:
    """A registry that answers addresses that hold a word in another way than it should."""

    def launch(folder: Path) -> str:
        with running_image_server() as images:
            images.add([_TAR])

            def answer(handler: Handler) -> bool:
                return any(word in handler.path and other(handler) for word, other in parts)

            images.server.answers.insert(0, answer)
            return _outcome(folder, f"{images.source}:v1")

    return launch


def _challenged(handler: Handler) -> bool:
    handler.send_plain(401, WWW_Authenticate=_CHALLENGE.format(handler.owner.url))
    return True


def _elsewhere(handler: Handler) -> bool:
    """Leads on, with a body that has no end."""
    handler.send_response(307)
    handler.send_header("Location", "/elsewhere")
    return _endless_body(handler, b"")


ROWS: tuple[Attack, ...] = (
    Attack("source", "a list of files", _declared({}), "model.safetensors"),
    Attack("source", "a list with a size of 400 digits", _declared({"model.safetensors": 10**400}), "CorruptFile"),
    Attack("source", "a list with a size of 2^62 bytes", _declared({"model.safetensors": 2**62}), "DiskFull"),
    Attack("source", "weights that are longer than the list says", _endless_weights, "model.safetensors"),
    Attack("source", "a manifest in a bucket without an end", _endless_manifest_of_a_bucket, "CorruptFile"),
    Attack("source", "an image of a registry", _registry(), "model.safetensors"),
    Attack("source", "a registry's manifest without an end", _registry(("/manifests/", _endless(b"{"))), "CorruptFile"),
    Attack(
        "source",
        "a layer that is longer than its manifest says",
        _registry(("/blobs/", _endless(_TAR))),
        "model.safetensors",
    ),
    Attack(
        "source",
        "a registry's token without an end",
        _registry(("/v2/", _challenged), ("/token", _endless(b"{"))),
        "HubUnreachable",
    ),
    Attack("source", "a registry's redirect without an end", _registry(("/blobs/", _elsewhere)), "HubUnreachable"),
    Attack("source", "a hub's size that is text", _hub(size="10"), "HubUnreachable"),
    Attack("source", "a hub's size below 0", _hub(size=-1), "HubUnreachable"),
    Attack("source", "a hub's size of 400 digits", _hub(size=10**400), "HubUnreachable"),
    Attack("source", "a hub's name that is a number", _hub(rfilename=1), "HubUnreachable"),
    Attack("source", "a hub's hash that is a number", _hub(blobId=1), "HubUnreachable"),
    Attack(
        "source",
        "a hub's LFS size that is a list",
        _hub(lfs={"size": [], "sha256": "0", "pointerSize": 1}),
        "HubUnreachable",
    ),
    Attack("source", "a hub that asks to wait for a time of 5,000 digits", _quota, "HubUnreachable"),
)
