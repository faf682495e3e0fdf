"""Parts of files over HTTP: how one is asked for, and how the answer is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import httpx2

from ...errors import HubUnreachable

CHUNK_BYTES = 262_144
"""Most bytes of a body that are held at once."""

_PARTIAL = 206
_BEGINS = re.compile(r"bytes (\d{1,18})-", re.ASCII)
"""How a part says where it begins; a byte of more digits is in no file."""


def asked_range(start: int, end: int | None) -> dict[str, str]:
    """Headers that ask for a part; none for the whole."""
    if start == 0 and end is None:
        return {}
    return {"Range": f"bytes={start}-{'' if end is None else end - 1}"}


def chunks_from(response: httpx2.Response, start: int) -> Iterator[bytes]:
    """Yield the body from a byte on; who ignored the range sends the bytes before as well, and those are dropped.

    Raises:
        HubUnreachable: If the answer says that it begins behind that byte.
    """
    first = first_byte(response.status_code, response.headers, start)
    return chunks_behind(response.iter_raw(CHUNK_BYTES), first, start, response.url.host)


def chunks_behind(chunks: Iterable[bytes], first: int, start: int, host: str) -> Iterator[bytes]:
    """Drop what lies before the byte that was asked for.

    Args:
        chunks: The body.
        first: Its first byte's place in the file.
        start: The place that was asked for.
        host: Who sent it.

    Raises:
        HubUnreachable: If the body begins behind that place.
    """
    to_drop = start - first
    if to_drop < 0:
        raise HubUnreachable(f"{host} was asked for byte {start} and sent what comes after it.")
    for chunk in chunks:
        if to_drop >= len(chunk):
            to_drop -= len(chunk)
            continue
        yield chunk[to_drop:]
        to_drop = 0


def first_byte(status: int, headers: Mapping[str, str], asked: int) -> int:
    """Where the body begins; caches send larger parts than they are asked for."""
    if status != _PARTIAL:
        return 0
    said = _BEGINS.match(headers.get("content-range", ""))
    return asked if said is None else int(said[1])


def retry_after_s(response: httpx2.Response) -> float | None:
    """Seconds after which the server wants to be asked again, where it says so in seconds."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None
