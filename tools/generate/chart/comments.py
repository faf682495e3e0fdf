"""The comments of values.yaml, which are the documentation of its keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z0-9]+):")


@dataclass(frozen=True, slots=True)
class DocumentedKey:
    """One key that stands in values.yaml.

    Attributes:
        path: Its names from the top, joined by dots.
        comment: The comment above it, in one line; empty if there is none.
    """

    path: str
    comment: str


def documented_keys(text: str) -> list[DocumentedKey]:
    """Every key with the comment directly above it, in the order of the file.

    Args:
        text: Values with two spaces for each level, as this tree's are written.
    """
    keys: list[DocumentedKey] = []
    comment: list[str] = []
    parents: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.removeprefix("#").strip())
            continue
        found = _KEY.match(line)
        if found:
            parents = [*parents[: len(found["indent"]) // 2], found["name"]]
            keys.append(DocumentedKey(".".join(parents), " ".join(comment)))
        comment = []
    return keys
