"""One row of the table of attacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Attack:
    """An input that somebody sends, stores or applies, and what must come of it.

    Attributes:
        kind: What the input is aimed at, such as `checkpoint`, `archive`, `body` or `Reranker`.
        name: The input in a few words, unique within its kind.
        launch: Lets the real code meet the input and returns what came of it in a few words, such as an error's code
            or a status. Gets an empty folder of its own.
        outcome: What must come of it, written out.
    """

    kind: str
    name: str
    launch: Callable[[Path], str]
    outcome: str
