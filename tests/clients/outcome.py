"""What came of a row: judged from a driver's answer, kept in results.json, reviewed there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .client_row import ClientRow
from .table import DOCUMENTS, LOGITS, SCORES, TOP_N, WORDS_OF_ERROR

RESULTS = Path(__file__).with_name("results.json")
"""The reviewed outcomes, which the matrix is generated from."""

_WORDS_OF_OVERLOAD = "has no room"
"""What the server says when its queue is full."""

_TOLERANCE = 1e-6
"""Largest difference of a score: float32's shortest form, read back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a user of the client sees."""

    version: str
    """Release of the client."""

    ranking: str
    """`right`, or what is wrong with it."""

    error: str
    """What the client makes of an error: its exception, and whether that holds the server's words."""

    overload: str
    """What it makes of a full queue, or `not asked`."""

    @property
    def works(self) -> bool:
        """Whether the user gets the right documents in the right order with the right scores."""
        return self.ranking == "right"


def judge(row: ClientRow, answer: Mapping[str, Any], version: str) -> Outcome:
    """Compare what a driver brought back with what the documents' words make it be."""
    overload = _error(answer["overload"], _WORDS_OF_OVERLOAD) if row.asked_when_full else "not asked"
    return Outcome(version, _ranking(row, answer), _error(answer["error"], WORDS_OF_ERROR), overload)


def read_results() -> dict[str, Outcome]:
    """The reviewed outcomes by row."""
    rows: dict[str, dict[str, str]] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return {key: Outcome(**row) for key, row in rows.items()}


def write_results(outcomes: Mapping[str, Outcome]) -> None:
    """Write outcomes for review."""
    text = json.dumps({key: asdict(outcome) for key, outcome in outcomes.items()}, indent=2, ensure_ascii=False)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def _ranking(row: ClientRow, answer: Mapping[str, Any]) -> str:
    if answer["failure"] is not None:
        return f"fails with {answer['failure']['type']}"
    expected = LOGITS if row.scores == "logit" else SCORES
    order = list(expected)[: TOP_N if row.honours_top_n else None]
    hits = answer["hits"]
    if [hit["index"] for hit in hits] != order:
        return f"order is {[hit['index'] for hit in hits]}, not {order}"
    if any(hit["score"] is None for hit in hits):
        return "scores are missing"
    if not all(math.isclose(hit["score"], expected[hit["index"]], abs_tol=_TOLERANCE) for hit in hits):
        return f"scores are not {row.scores}s: {[hit['score'] for hit in hits]}"
    if [hit["text"] for hit in hits] != [DOCUMENTS[index] if row.returns_documents else None for index in order]:
        return "documents are not those that were sent"
    return "right"


def _error(error: Mapping[str, str] | None, words: str) -> str:
    if error is None:
        return "not noticed"
    quoted = "with the server's words" if words in error["message"] else "without the server's words"
    return f"{error['type']}, {quoted}"
