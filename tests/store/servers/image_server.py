"""What a registry answers, served by a server that misbehaves as it is told, and a registry behind such a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from .container_registry import MANIFEST_TYPE, digest_of, manifest_of
from .faulty import FaultyServer, Handler


class ImageServer:
    """A registry with the one repository `models/reranker`."""

    def __init__(self) -> None:
        self.server = FaultyServer()
        self.manifests: dict[str, tuple[bytes, str]] = {}
        """Body and type by tag or digest."""
        self.server.answers.append(self._answer)

    @property
    def source(self) -> str:
        return f"oci://127.0.0.1:{self.server.port}/models/reranker"

    def add(self, layers: Sequence[bytes], media_types: Sequence[str] = (), tag: str = "v1") -> str:
        """Serve an image; gives its digest."""
        for layer in layers:
            self.server.files[f"/v2/models/reranker/blobs/{digest_of(layer)}"] = layer
        return self.add_manifest(manifest_of(layers, media_types), MANIFEST_TYPE, tag)

    def add_manifest(self, body: bytes, media_type: str, tag: str) -> str:
        digest = digest_of(body)
        self.manifests |= dict.fromkeys((tag, digest), (body, media_type))
        return digest

    def _answer(self, handler: Handler) -> bool:
        place, _, revision = handler.path.rpartition("/manifests/")
        found = self.manifests.get(revision)
        if place != "/v2/models/reranker" or found is None:
            return False
        handler.send_plain(200, found[0], Content_Type=found[1])
        return True


@contextmanager
def running_image_server() -> Iterator[ImageServer]:
    images = ImageServer()
    with images.server.running():
        yield images


@contextmanager
def in_front_of(registry: str) -> Iterator[FaultyServer]:
    """A proxy before a real registry, through which its blobs come with the faults that it is told."""

    def pass_on(handler: Handler) -> bool:
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in {"host", "range"}}
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        answer = httpx.request(handler.command, f"http://{registry}{handler.path}", headers=headers, content=body)
        if "/blobs/" in handler.path and answer.status_code == 200:
            handler.send_content(answer.content)
            return True
        kept = ("content-type", "www-authenticate", "docker-content-digest")
        handler.send_plain(
            answer.status_code,
            answer.content,
            **{name: answer.headers[name] for name in kept if name in answer.headers},
        )
        return True

    server = FaultyServer()
    server.answers.append(pass_on)
    with server.running():
        yield server
