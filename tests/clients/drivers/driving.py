"""What every driver does: read the questions from standard input, ask each row, write the answers as JSON."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

MODEL = "any-name"
"""Model that every client asks for: the server takes any name."""

KEY = "key-of-a-client"
"""Key that the server wants, and every client brings in its own way."""


@dataclass(frozen=True)
class Question:
    """What one row is asked."""

    query: str
    documents: list[str]
    top_n: int
    options: dict[str, str]
    """Arguments that point the client at the server."""

    full_options: dict[str, str] | None = None
    """Arguments that point the client at a server whose queue is full, where the row is asked about that."""


@dataclass(frozen=True)
class Hit:
    """One result as the client hands it to its user."""

    index: int
    score: float
    text: str | None = None
    """The document as the server returned it, where the client hands it on."""


class ErrorReturned(Exception):
    """A client returned an error where others raise one."""

    def __init__(self, returned: object) -> None:
        super().__init__(str(returned))
        self.name = f"returns {type(returned).__name__}"


Driver = Callable[[Question], Sequence[Hit]]
"""Asks a client one question."""


def drive(drivers: Mapping[str, Driver]) -> None:
    """Answer the rows named on standard input; the entry point of every driver."""
    logging.disable(logging.CRITICAL)
    asked: dict[str, Any] = json.load(sys.stdin)
    answers = {key: _answer(drivers[key], Question(**question)) for key, question in asked.items()}
    sys.__stdout__.write(json.dumps(answers))  # type: ignore[union-attr]  # a driver has a standard output


def _answer(driver: Driver, question: Question) -> dict[str, Any]:
    """The hits of the question, and what the client makes of an empty query and of a full queue."""
    hits, failure = _attempt(driver, question)
    _, error = _attempt(driver, replace(question, query=""))
    answer = {"hits": [asdict(hit) for hit in hits], "failure": failure, "error": error, "overload": None}
    if question.full_options is not None:
        _, answer["overload"] = _attempt(driver, replace(question, options=question.full_options))
    return answer


def _attempt(driver: Driver, question: Question) -> tuple[Sequence[Hit], dict[str, str] | None]:
    try:
        return driver(question), None
    except ErrorReturned as error:
        return [], {"type": error.name, "message": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever a client raises is the finding
        return [], {"type": type(error).__name__, "message": str(error)}
