"""Parts of files over HTTP: how one is asked for, and how the answer is read.

What belongs here: what all HTTP sources share. What must not: addresses, credentials.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

_PIECE_BYTES = 262_144
_PARTIAL = 206


def asked_range(start: int, end: int | None) -> dict[str, str]:
    """Headers that ask for a part; none for the whole."""
    if start == 0 and end is None:
        return {}
    return {"Range": f"bytes={start}-{'' if end is None else end - 1}"}


def pieces_from(response: httpx2.Response, start: int) -> Iterator[bytes]:
    """Yield the body from a byte on; who ignored the range sends the bytes before as well, and those are dropped."""
    to_drop = 0 if response.status_code == _PARTIAL else start
    for piece in response.iter_raw(_PIECE_BYTES):
        if to_drop >= len(piece):
            to_drop -= len(piece)
            continue
        yield piece[to_drop:]
        to_drop = 0


def retry_after_s(response: httpx2.Response) -> float | None:
    """Seconds after which the server wants to be asked again, where it says so in seconds."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None
