"""Files of a web server: an archive, or those beside a list in a manifest's form."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import httpx2

from ...errors import Gated, HubUnreachable, ModelError, UnknownModel
from ..archive import ARCHIVE_FILE, is_archive
from ..manifest import MAX_MANIFEST_BYTES, FileEntry, Provenance, parse_manifest
from ..remote import Chunks, Listing, RemoteFile, read_small
from ..selection import select
from ..source import Source
from .ranges import asked_range, chunks_from, retry_after_s
from .web import without_secrets

_TIMEOUT_S = 30.0
_UNAUTHORISED, _NOT_FOUND, _CLIENT_ERROR = frozenset({401, 403}), frozenset({404, 410}), range(400, 500)
_WORTH_A_RETRY = frozenset({408, 425, 429})
_PARTIAL = 206

_MOST_DIGITS = 18
"""Digits of a size that is believed; Python refuses to read thousands of them."""


def list_web(source: Source, *, allow_pickle: bool) -> Listing:
    """Ask a web server for an archive's size, or for its list of files.

    Raises:
        UnknownModel: If it is not there, or is neither archive nor list.
        Gated: If credentials are missing.
        HubUnreachable: If the server does not answer.
        CorruptFile: If the list is no manifest.
    """
    path = urlsplit(source.location).path
    provenance = Provenance(source.shown, source.revision)
    if is_archive(path):
        return Listing((_archive(source),), provenance, is_archive=True)
    if not path.endswith(".json"):
        raise UnknownModel(
            f"{source.shown} is neither an archive nor a list of files.",
            remedy="Give a .tar, .tar.gz, .zip, or the manifest.json of a model's folder.",
        )
    manifest = parse_manifest(_small(source), source.shown)
    entries = {entry.path: entry for entry in manifest.files}

    def read(name: str) -> bytes:
        return read_small(_listed(source, entries[name]))

    chosen = select(list(entries), source.shown, read, allow_pickle=allow_pickle)
    return Listing(tuple(_listed(source, entries[name]) for name in chosen), provenance)


def _archive(source: Source) -> RemoteFile:
    """What the server says of the archive when asked for its first byte."""
    # Packed on the way, it would have another length than what is fetched.
    with _response(source.location, {"Accept-Encoding": "identity"} | asked_range(0, 1)) as response:
        version = response.headers.get("etag") or response.headers.get("last-modified") or ""
        has_ranges = response.status_code == _PARTIAL
        total = response.headers.get("content-range", "").rpartition("/")[2] if has_ranges else None
        size = total if has_ranges else response.headers.get("content-length")

    def open_range(start: int, end: int | None) -> Chunks:
        return _open(source.location, start, end, version)

    size_bytes = int(size) if size and size.isdecimal() and len(size) <= _MOST_DIGITS else None
    return RemoteFile(ARCHIVE_FILE, size_bytes, open_range, has_ranges=has_ranges, version=version)


def _listed(source: Source, entry: FileEntry) -> RemoteFile:
    def open_range(start: int, end: int | None) -> Chunks:
        return _open(_beside(source.location, entry.path), start, end, "")

    return RemoteFile(entry.path, entry.size_bytes, open_range, version=entry.sha256, sha256=entry.sha256)


def _beside(url: str, name: str) -> str:
    """The address of a file beside another; a signature in the query goes along."""
    parts = urlsplit(urljoin(url, quote(name)))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlsplit(url).query, ""))


def _small(source: Source) -> bytes:
    with _response(source.location, {}) as response:
        data = b""
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > MAX_MANIFEST_BYTES:
                break
    return data


@contextmanager
def _open(url: str, start: int, end: int | None, version: str) -> Iterator[Iterator[bytes]]:
    with _response(url, {"Accept-Encoding": "identity"} | asked_range(start, end)) as response:
        found = response.headers.get("etag") or response.headers.get("last-modified") or ""
        if version and found != version:
            raise HubUnreachable(
                f"{without_secrets(url)} changed while it was fetched.", remedy="Run the same command again."
            )
        yield chunks_from(response, start)


@contextmanager
def _response(url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
    host = urlsplit(url).hostname
    try:
        # Proxies and the CA bundle come from the environment: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE.
        with (
            httpx2.Client(follow_redirects=True, timeout=_TIMEOUT_S) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if url.startswith("https:") and response.url.scheme != "https":
                raise UnknownModel(f"{without_secrets(url)} is redirected to an address without encryption.")
            if not response.is_success:
                raise _refusal(without_secrets(url), response)
            yield response
    except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, ssl.SSLError) as error:
        detail = f": {error}" if str(error) else ""
        raise HubUnreachable(f"{host} does not answer ({type(error).__name__}{detail}).") from error


def _refusal(shown: str, response: httpx2.Response) -> ModelError:
    status, host = response.status_code, response.url.host
    figures = {"status": status}
    if status in _UNAUTHORISED:
        return Gated(
            f"{host} refuses {shown} ({status}).",
            remedy="Put user and password into the address (https://user:password@host/...), or sign it.",
            figures=figures,
        )
    if status in _NOT_FOUND:
        return UnknownModel(f"{host} has no {shown} ({status}).", figures=figures)
    if status in _CLIENT_ERROR and status not in _WORTH_A_RETRY:
        return UnknownModel(f"{host} answered {status} for {shown}.", figures=figures)
    return HubUnreachable(
        f"{host} answered {status} for {shown}.", retry_after_s=retry_after_s(response), figures=figures
    )
