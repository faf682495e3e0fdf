"""Numbers as people and programs write them: ASCII digits, a sign, a point, an exponent.

Python also reads `1_000`, ` 5` and digits of other scripts as numbers, which nobody means who sends them.
"""

from __future__ import annotations

import re
from math import isfinite

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def plain_number(text: str) -> float | None:
    """Read a number; None where it is written in another way. One that is too large for a float is infinite."""
    return float(text) if _NUMBER.fullmatch(text) else None


def finite_number(value: object) -> float | None:
    """Take a number of a JSON file; None where it is none, no finite one, or too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def plain_whole_number(text: str) -> int | None:
    """Read a whole number of at most 18 digits; None where it is written in another way."""
    return int(text) if _WHOLE.fullmatch(text) else None
