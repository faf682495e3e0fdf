"""Whole numbers that need more than 64 bits, read and written back digit by digit.

The fast JSON reader turns them into floats, and the fast writer refuses them; ids that come so would lose digits.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

_LEAST, _LARGEST = -(2**63), 2**64 - 1
"""Whole numbers that the fast reader and writer keep."""

_SHAPES: Final = bytes(ord("0") if chr(byte).isdecimal() else byte for byte in range(256))
"""Every ASCII digit as a zero, so that a run of digits can be searched for as a plain text."""

_SLICE_BYTES: Final = 1_048_576
"""Bytes that are looked at at once."""

_RUNS: Final = (b"0" * 20, b"-" + b"0" * 19)
"""The least digits of a number beyond those bounds."""


class WideInteger(int):
    """A whole number beyond 64 bits; a class of its own, by which the writer knows it."""


def may_hold_wide_integer(content: bytes | bytearray) -> bool:
    """Whether a JSON text has a run of digits long enough; costs far less than parsing."""
    overlap = max(map(len, _RUNS)) - 1
    for start in range(0, len(content), _SLICE_BYTES):
        # In slices: each is a copy, for which everybody else waits.
        shape = content[start : start + _SLICE_BYTES + overlap].translate(_SHAPES)
        if any(run in shape for run in _RUNS):
            return True
    return False


def whole_number(digits: str) -> int:
    """A number from its digits, of the class that the writer needs.

    Raises:
        ValueError: If there are more digits than Python converts (4,300).
    """
    value = int(digits)
    return value if _LEAST <= value <= _LARGEST else WideInteger(value)


def written(value: Any) -> bytes:
    """JSON of a value, NumPy's numbers and wide integers included.

    Raises:
        orjson.JSONEncodeError: If it is nested more than 254 levels deep.
    """
    # NumPy's float32 is written in its shortest form and always as a float: `1.0`, never `1`.
    return orjson.dumps(value, _digits, orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_SUBCLASS)


def _digits(value: Any) -> orjson.Fragment:
    if isinstance(value, WideInteger):
        return orjson.Fragment(int.__repr__(value).encode())
    raise TypeError
