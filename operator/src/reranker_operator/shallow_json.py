"""JSON that nests deeper than any object of ours is cut, in place of ending whoever lists it.

Managed fields may nest 10,000 deep, whatever the object. Python's parser gives up at about a thousand, and with it
every list and watch that the object is in, kopf's too, which takes no parser of ours: so the process's own is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from typing_extensions import override

DEEPEST = 200
"""Levels that are kept; Kubernetes' deepest objects have about thirty."""

_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')
"""What opens and closes a level, and the strings in which it does not."""


def cut(text: str, levels: int = DEEPEST) -> str:
    """The same text with null for whatever lies deeper; a text that is no JSON stays none."""
    kept, depth, begin = [], 0, 0
    for token in _TOKENS.finditer(text):
        if token[0] in {"[", "{"}:
            depth += 1
            if depth == levels + 1:
                kept.append(f"{text[begin : token.start()]}null")
        elif token[0] in {"]", "}"}:
            if depth == levels + 1:
                begin = token.end()
            depth -= 1
    return "".join(kept) + text[begin:]


class _Decoder(json.JSONDecoder):
    """Reads what it can as it is, and the rest cut."""

    @override
    def decode(self, s: str, _w: Callable[..., Any] = re.compile(r"[ \t\n\r]*").match) -> Any:
        """See `json.JSONDecoder`."""
        try:
            return super().decode(s, _w)
        except RecursionError:
            return super().decode(cut(s), _w)


def install() -> None:
    """Have `json.loads` read so from now on, in this process."""
    json._default_decoder = _Decoder()  # type: ignore[attr-defined] # noqa: SLF001 - kopf and aiohttp call `json.loads`, which has no other place to say it
