"""Where a picture of a request comes from: the request itself, or an address."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from ..errors import InvalidPicture

_SHOWN_CHARACTERS = 40

FetchPicture = Callable[[str], bytes]
"""Fetches the picture at an http or https address, or raises."""


def content_of(source: str, max_bytes: int, fetch: FetchPicture | None) -> bytes:
    """Get the bytes of a picture.

    Args:
        source: A data URI, or an http or https address.
        max_bytes: Largest file.
        fetch: Fetches addresses; None where that is off.

    Raises:
        InvalidPicture: If it is neither, or is not allowed, or is too large.
        PictureUnavailable: If it cannot be fetched.
    """
    kind = source[:8].lower()
    if kind.startswith("data:"):
        return _inline(source, max_bytes)
    if kind.startswith(("http://", "https://")):
        if fetch is None:
            raise InvalidPicture(
                "This server fetches no pictures.",
                remedy="Send the picture itself as data:image/png;base64,..., or set pictures.fetchPictures.",
            )
        return fetch(source)
    raise InvalidPicture(
        f"`image` begins with {source[:_SHOWN_CHARACTERS]!r}; expected data:image/...;base64,... or an https address."
    )


def _inline(source: str, max_bytes: int) -> bytes:
    head, comma, body = source.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise InvalidPicture("`image` is a data URI without `;base64,`.", remedy="Encode the picture in base64.")
    if len(body) > (max_bytes + 2) // 3 * 4 + 4:
        raise InvalidPicture(
            f"The picture has more than {max_bytes} bytes, the limit (pictures.maxPictureBytes).",
            remedy="Send a smaller one; the network reads small pictures anyway.",
        )
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidPicture("`image` is a data URI whose base64 is damaged.", remedy="Encode it again.") from None
