"""Which queries are not trained on: chosen by a digest of their text, so that one query is never on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .examples import TrainingExample

MAX_HELD_OUT = 500
"""Queries beyond which figures get no surer and looks only slower."""

MIN_HELD_OUT = 4


def hold_out(
    examples: Sequence[TrainingExample], share: float, seed: int
) -> tuple[list[TrainingExample], list[TrainingExample]]:
    """Split examples by their queries.

    Args:
        examples: All.
        share: Of the queries that are held out, at least `MIN_HELD_OUT` and at most `MAX_HELD_OUT` of them.
        seed: Another one makes another choice.

    Returns:
        Those to train on and those held out, both in the order of the file; of a query that is held out only the first
        example.
    """
    queries = sorted({example.query for example in examples}, key=lambda query: _place(query, seed))
    count = min(MAX_HELD_OUT, max(MIN_HELD_OUT, round(share * len(queries))))
    held = set(queries[:count])
    first: dict[str, TrainingExample] = {}
    for example in examples:
        if example.query in held:
            first.setdefault(example.query, example)
    return [example for example in examples if example.query not in held], list(first.values())


def _place(query: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{query}".encode()).digest()
