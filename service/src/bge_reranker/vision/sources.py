"""Where a picture of a request comes from: the request itself, or an address."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final

from ..errors import InvalidPicture

_HEAD_CHARACTERS: Final = 200
"""Within which a data URI says how it is encoded."""

_URL_SAFE: Final = str.maketrans("-_", "+/")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=_\r\n-]+")

PictureSource = str | InvalidPicture
"""A data URI or an address; or what is wrong with what was sent in its place."""

FetchPicture = Callable[[str, float], bytes]
"""Fetches the picture at an http or https address within so many seconds, or raises one of our errors."""


def is_address(source: str) -> bool:
    """Whether a picture has to be fetched."""
    return source[:8].lower().startswith(("http://", "https://"))


def is_picture_as_text(text: str) -> bool:
    """Whether a text is a picture that should have been sent as one: nobody looks for words in base64."""
    return text[:11].lower() == "data:image/" and ";base64," in text[:_HEAD_CHARACTERS]


def inline_content(source: str, max_bytes: int) -> bytes:
    """Get the bytes of a picture that lies in the request.

    Args:
        source: A data URI, or its part in base64 alone.
        max_bytes: Largest file.

    Raises:
        InvalidPicture: If it is none, or too large, or an address.
    """
    if is_address(source):
        raise InvalidPicture(
            "The picture is an address, and this server fetches no pictures (pictures.fetchPictures is off).",
            remedy="Send the picture itself as data:image/png;base64,..., or set pictures.fetchPictures.",
        )
    if not source:
        raise InvalidPicture("`image` is empty.", remedy="Send data:image/png;base64,... or an https address.")
    # Programs that encode files break lines.
    body = "".join(_encoded(source).split())
    if len(body) > (max_bytes + 2) // 3 * 4 + 4:
        raise InvalidPicture(
            f"The picture has more than {max_bytes} bytes, the limit (pictures.maxPictureBytes).",
            remedy="Send a smaller one; the network reads small pictures anyway.",
        )
    try:
        # Some leave the padding out, or write what is safe in addresses.
        return base64.b64decode(body.translate(_URL_SAFE) + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidPicture("The picture's base64 is damaged.", remedy="Encode it again.") from None


def _encoded(source: str) -> str:
    """What stands in base64 in a data URI, or for itself, as Jina's clients send it."""
    if source[:5].lower().startswith("data:"):
        head, comma, body = source.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidPicture(
                "The picture is a data URI without `;base64,`.", remedy="Encode the picture in base64."
            )
        return body
    if not _BASE64.fullmatch(source[:_HEAD_CHARACTERS]):
        raise InvalidPicture(
            "The picture is neither a data URI, nor base64, nor an http or https address.",
            remedy="Send the picture itself as data:image/png;base64,...",
        )
    return source
