"""What a body weighs: the memory that it will take, estimated from its bytes before it is parsed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

BYTES_PER_VALUE: Final = 80
"""What a value, or a key, comes to in memory besides its text: a short text, an empty list, a third of an object."""

BYTES_PER_DOCUMENT: Final = 512
"""What a document comes to besides its text until it is scored: its place in the request, its pair of arrays."""

ASCII_WEIGHT: Final = 2
"""Times its bytes that a text of ASCII comes to: as it arrived, and as it is read or goes back."""

WIDE_WEIGHT: Final = 3
"""As `ASCII_WEIGHT`, where a single character may take two bytes in all of its text; UTF-8 is kept beside it."""

WIDEST_WEIGHT: Final = 5
"""As `WIDE_WEIGHT`, with characters beyond the Basic Multilingual Plane, such as emoji: four bytes."""

_SLICE_BYTES: Final = 1_048_576
"""Bytes that are looked at at once: everybody else waits for some of the work on them, and it needs copies."""

_STEPS: Final = np.zeros(256, np.int8)
"""How much deeper a byte outside of texts goes: 1 where it opens a list or an object, -1 where it closes one."""
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1

_WIDEST_ESCAPES: Final = tuple(f"\\u{d}{digit}".encode() for d in "dD" for digit in "89abAB")
"""Starts of escaped characters beyond the Basic Multilingual Plane."""

_WIDEST_BYTE: Final = 0xF0
"""First byte, in UTF-8, of the least such character."""


def weight_bytes(content: bytearray, values: int) -> int:
    """Weigh a body.

    Args:
        content: The body.
        values: Values in it.
    """
    return _times(content) * len(content) + BYTES_PER_VALUE * values


def values_in(content: bytes | bytearray, exact_above: int, enough: int) -> int:
    """Count the values and keys of a body; those that only look so, inside texts, are told apart where it matters.

    Args:
        content: The body, JSON or not.
        exact_above: Number above which it matters.
        enough: Number above which counting ends.
    """
    # By NumPy, which lets everybody else run meanwhile, and not by a regular expression, which does not.
    found = sum(int(np.count_nonzero(_stands_before_value(part))) for part in _arrays(content))
    return found if found <= exact_above else _values_outside_texts(content, enough)


def items_in(content: bytes | bytearray) -> int:
    """Count the items of a list, without making any of them.

    Args:
        content: JSON of a list, checked, that begins and ends with its brackets.
    """
    commas, depth = 0, 0
    for plain, is_text in _texts_told_apart(content):
        bare = np.where(is_text, 0, plain)
        depths = np.cumsum(_STEPS[bare], dtype=np.int32)
        commas += int(np.count_nonzero((bare == ord(",")) & (depths == 1 - depth)))
        depth += int(depths[-1]) if len(depths) else 0
    return commas + 1 if commas or content[1:-1].strip() else 0


def _values_outside_texts(content: bytes | bytearray, enough: int) -> int:
    found = 0
    for plain, is_text in _texts_told_apart(content):
        found += int(np.count_nonzero(_stands_before_value(plain) > is_text))
        if found > enough:
            break
    return found


def _texts_told_apart(content: bytes | bytearray) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Each slice without its escapes: uint8 (B,), and for each byte whether it is in a text: bool (B,)."""
    is_in_text = False
    for part in _slices(content):
        has_escapes = b"\\" in part
        plain = np.frombuffer(part.replace(b"\\\\", b"").replace(b'\\"', b"") if has_escapes else part, np.uint8)
        is_text = np.logical_xor.accumulate(plain == ord('"')) ^ is_in_text
        yield plain, is_text
        is_in_text = bool(is_text[-1]) if len(is_text) else is_in_text


def _stands_before_value(content: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell for each byte: bool (B,)."""
    found: NDArray[np.bool_] = content == ord("[")
    for byte in b"{,:":
        found |= content == byte
    return found


def _arrays(content: bytes | bytearray) -> Iterator[NDArray[np.uint8]]:
    whole = np.frombuffer(content, np.uint8)
    return (whole[start : start + _SLICE_BYTES] for start in range(0, len(whole), _SLICE_BYTES))


def _slices(content: bytes | bytearray) -> Iterator[bytes | bytearray]:
    """Cut, but never between a backslash and what it escapes."""
    start = 0
    while start < len(content):
        part = content[start : start + _SLICE_BYTES]
        if (len(part) - len(part.rstrip(b"\\"))) % 2:
            part += content[start + len(part) : start + len(part) + 1]
        yield part
        start += len(part)


def _times(content: bytearray) -> int:
    is_ascii = content.isascii()
    if not is_ascii and int(np.frombuffer(content, np.uint8).max()) >= _WIDEST_BYTE:
        return WIDEST_WEIGHT
    # One character to look for is found, or not found, far faster than several.
    has_escapes = content.find(b"\\") >= 0
    if has_escapes and any(escape in part for part in _slices(content) for escape in _WIDEST_ESCAPES):
        return WIDEST_WEIGHT
    return ASCII_WEIGHT if is_ascii and not (has_escapes and b"\\u" in content) else WIDE_WEIGHT
