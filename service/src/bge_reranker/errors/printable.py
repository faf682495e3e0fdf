"""How messages show texts of others, of which a terminal must act on none, and counts of things."""

from __future__ import annotations

import re

_ACTED_ON = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters of both sets, line and paragraph separators, those that change the direction of writing, and
halves of surrogate pairs, which cannot be written at all."""


def counted(number: int, thing: str, things: str = "") -> str:
    """A number of things, such as `1 token` and `2 tokens`.

    Args:
        number: How many there are.
        thing: What one is called.
        things: What several are called, where an `s` at its end would not do.
    """
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"


def printable(text: str, *, keeps_lines: bool = False) -> str:
    r"""Replace what a terminal acts on by its escape, such as `\x1b`.

    Args:
        text: Of anybody.
        keeps_lines: Whether line breaks and tabs stay, for texts of several lines.
    """

    def escaped(found: re.Match[str]) -> str:
        character = found.group()
        if keeps_lines and character in "\n\t":
            return character
        return character.encode("unicode_escape").decode()

    return _ACTED_ON.sub(escaped, text)
