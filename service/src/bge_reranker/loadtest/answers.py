"""Whether an answer is right, whatever dialect it is in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import orjson

_SCORE_KEYS: Final = ("relevance_score", "score", "logit", "rerankScore")
_INDEX_KEYS: Final = ("index", "document_index")


class WrongAnswer(Exception):
    """What is wrong with an answer of status 200."""


class AnswerCheck:
    """Checks answers, and remembers the first of each question so that the others are compared with it.

    Args:
        tolerance: Most by which a score may differ from the first answer of the same version.
    """

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._first: dict[tuple[int, str], dict[int, float]] = {}
        self.largest_difference = 0.0

    def check(self, number: int, documents: int, version: str, body: bytes) -> int:
        """Check one answer.

        Args:
            number: Of the question.
            documents: How many it has.
            version: What scored it, as the server says.
            body: The answer.

        Returns:
            Tokens that were scored, where the answer says so as native ones do; else 0.

        Raises:
            WrongAnswer: If it is no JSON, a document has no score, or a score is not finite or not the same as before.
        """
        try:
            answer = orjson.loads(body)
            scores = dict(_scores(answer))
        except orjson.JSONDecodeError:
            raise WrongAnswer("no JSON") from None
        if len(scores) != documents:
            raise WrongAnswer(f"{len(scores)} scores for {documents} documents")
        if not all(map(math.isfinite, scores.values())):
            raise WrongAnswer("a score that is not finite")
        before = self._first.setdefault((number, version), scores)
        difference = max(abs(score - before.get(index, math.inf)) for index, score in scores.items())
        self.largest_difference = max(self.largest_difference, difference)
        if difference > self._tolerance:
            raise WrongAnswer("another score than before for the same pair and version")
        return _tokens(answer)


def _tokens(answer: Any) -> int:
    usage = answer.get("usage") if isinstance(answer, dict) else None
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) else 0


def _scores(answer: Any) -> Iterator[tuple[int, float]]:
    """Index and score of each document, wherever the answer has its list of them."""
    items = _scored_list(answer)
    for place, item in enumerate(items):
        if isinstance(item, dict):
            index = next((item[key] for key in _INDEX_KEYS if key in item), place)
            score = next((item[key] for key in _SCORE_KEYS if key in item), math.nan)
            yield int(index), float(score if score is not None else math.nan)
        else:
            yield place, float(item)


def _scored_list(value: Any) -> list[Any]:
    """The first list of scored items, or of numbers, in an answer."""
    if isinstance(value, list):
        if value and all(_is_scored(item) for item in value):
            return value
        parts = value
    else:
        parts = list(value.values()) if isinstance(value, dict) else []
    return next((found for part in parts if (found := _scored_list(part))), [])


def _is_scored(item: Any) -> bool:
    if isinstance(item, dict):
        return any(key in item for key in _SCORE_KEYS)
    return isinstance(item, int | float) and not isinstance(item, bool)
