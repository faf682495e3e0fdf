"""An image of a registry as a listing: its layers are archives, each with the digest that its bytes must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from ...errors import CorruptFile
from ..archive import ARCHIVE_FILE
from ..manifest import Provenance
from ..remote import Chunks, Listing, RemoteFile
from ..source import Source
from .oci import DEFAULT_TAG
from .oci_client import RegistryClient
from .oci_manifests import (
    IMAGE_TYPES,
    INDEX_TYPES,
    MAX_MANIFEST_BYTES,
    Descriptor,
    digest_of,
    image_manifest,
    image_of,
    refuse_other_bytes,
)
from .ranges import CHUNK_BYTES, asked_range, chunks_behind, first_byte

_PARTIAL = 206
_AS_IT_IS = {"Accept-Encoding": "identity"}
_ACCEPTED = ", ".join(sorted(IMAGE_TYPES | INDEX_TYPES))


@dataclass(frozen=True, slots=True)
class _Answered:
    body: bytes
    media_type: str


def list_image(source: Source, environment: Mapping[str, str]) -> Listing:
    """Ask a registry once which image a digest or tag is, and which layers it has.

    Raises:
        UnknownModel: If it is not there.
        Gated: If credentials are missing or insufficient.
        HubUnreachable: If the registry does not answer.
        DigestMismatch: If it sends another manifest than the one that was asked for.
        CorruptFile: If what it sends is no manifest of an image.
        SettingsError: If a file of credentials cannot be used.
    """
    client = RegistryClient(source.location, environment)
    revision = source.revision or DEFAULT_TAG
    named = _manifest(client, revision, source.shown)
    digest, image = digest_of(named.body), named
    if named.media_type in INDEX_TYPES:
        image = _manifest(client, image_of(named.body, source.shown).digest, source.shown)
    if image.media_type not in IMAGE_TYPES:
        raise CorruptFile(
            f"{source.shown} is of the type {image.media_type[:100]}, and no image.",
            remedy="Push an image, as `bge-reranker model pack --push` makes it.",
        )
    manifest = image_manifest(image.body, source.shown)
    layers = manifest.layers
    has_ranges = _has_ranges(client, max(layers, key=lambda layer: layer.size))
    files = tuple(_file(client, number, layer, has_ranges=has_ranges) for number, layer in enumerate(layers))
    return Listing(files, Provenance(source.shown, source.revision, digest, manifest.licence), is_archive=True)


def _manifest(client: RegistryClient, revision: str, what: str) -> _Answered:
    with client.answers(f"{client.address}/manifests/{revision}", {"Accept": _ACCEPTED}) as response:
        body = b""
        for chunk in response.iter_content(CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_MANIFEST_BYTES:
                raise CorruptFile(f"{what}: its manifest has more than {MAX_MANIFEST_BYTES} bytes.")
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
    if revision.startswith("sha256:"):
        refuse_other_bytes(body, revision, what)
    return _Answered(body, media_type)


def _has_ranges(client: RegistryClient, layer: Descriptor) -> bool:
    """Whether parts of a layer can be asked for, which the specification leaves to registries."""
    if layer.size == 0:
        return False
    with client.answers(_blob(client, layer), _AS_IT_IS | asked_range(0, 1)) as response:
        return response.status_code == _PARTIAL


def _file(client: RegistryClient, number: int, layer: Descriptor, *, has_ranges: bool) -> RemoteFile:
    def open_range(start: int, end: int | None) -> Chunks:
        return _open(client, layer, start, end)

    return RemoteFile(
        f"{ARCHIVE_FILE}-{number:03}",
        layer.size,
        open_range,
        has_ranges=has_ranges,
        version=layer.digest,
        sha256=layer.sha256,
    )


@contextmanager
def _open(client: RegistryClient, layer: Descriptor, start: int, end: int | None) -> Iterator[Iterator[bytes]]:
    with client.answers(_blob(client, layer), _AS_IT_IS | asked_range(start, end)) as response:
        first = first_byte(response.status_code, response.headers, start)
        yield chunks_behind(_body(response), first, start, client.api_host)


def _body(response: requests.Response) -> Iterator[bytes]:
    """Yield what has arrived as it arrives: what a broken connection brought is not fetched again."""
    while chunk := response.raw.read1(CHUNK_BYTES):
        yield chunk


def _blob(client: RegistryClient, layer: Descriptor) -> str:
    return f"{client.address}/blobs/{layer.digest}"
