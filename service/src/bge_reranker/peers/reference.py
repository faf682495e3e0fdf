"""Logits of judged queries from another server, by its ordinary API."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import httpx2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .asking import Answer, PeerSilent, ask

_BYTES_BESIDE_TEXTS = 1024
"""Most that an answer has for each document besides its text, which comes back twice."""

_LONGEST_REQUEST_S = 90.0
"""Longest wait for one answer: somewhat more than the usual deadline of a request."""

_OVERLOADED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})

Question = tuple[str, Sequence[str]]
"""A query and its documents."""

Logits = list[NDArray[np.float64]]
"""For each question one logit per document, in order."""


class PeerRefused(Exception):
    """A server will not, or cannot, say how it ranks; asking again would not help."""


class _Result(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    index: Annotated[int, Field(ge=0)]
    score: float


class _Ranked(BaseModel):
    model_config = ConfigDict(strict=True)

    results: list[_Result]


def reference_logits(
    client: httpx2.Client,
    url: str,
    questions: Sequence[Question],
    *,
    token: str | None,
    digest: str | None,
    deadline: float,
    clock: Callable[[], float],
) -> Logits:
    """Ask a server to rank, one question after the other, so that its callers hardly notice.

    Args:
        client: With which to ask.
        url: Of the server's API.
        questions: What to rank.
        token: Key to show; None where everybody may call.
        digest: Tree digest that must answer; None for any.
        deadline: Time on the clock by which all must be answered.
        clock: Seconds, monotonic.

    Raises:
        PeerSilent: If an answer is missing, late, or says that the server is overloaded or going down.
        PeerRefused: If it refuses, or its answer is not that of the version which it said it serves.
    """
    headers = {"X-Rerank-Dialect": "native"} | ({"Authorization": f"Bearer {token}"} if token else {})
    found: Logits = []
    for query, documents in questions:
        left_s = deadline - clock()
        if left_s <= 0:
            raise PeerSilent("it did not answer everything in time")
        answer = ask(
            client,
            "POST",
            f"{url}/rerank",
            limit_s=min(left_s, _LONGEST_REQUEST_S),
            max_bytes=most_answer_bytes(documents),
            json={"query": query, "candidates": list(documents), "raw_scores": True},
            headers=headers,
            clock=clock,
        )
        found.append(logits_of(answer, len(documents), digest))
    return found


def logits_of(answer: Answer, count: int, digest: str | None) -> NDArray[np.float64]:
    """The logits in an answer of the native dialect, in the order of the documents.

    Args:
        answer: To one query with raw scores.
        count: Of documents.
        digest: Tree digest that must have answered; None for any.

    Raises:
        PeerSilent: If it says that the server is overloaded or going down.
        PeerRefused: If it refuses, or is not an answer of that version.
    """
    _require_answer(answer, digest)
    return _logits(answer.body, count)


def most_answer_bytes(documents: Sequence[Any]) -> int:
    """Most that an answer about these documents has."""
    # A character may be escaped into six bytes.
    return sum(12 * len(document) + _BYTES_BESIDE_TEXTS for document in documents) + 64 * _BYTES_BESIDE_TEXTS


def _require_answer(answer: Answer, digest: str | None) -> None:
    if answer.status in _OVERLOADED or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise PeerSilent(f"it answered {answer.status}{_code_of(answer.headers)}")
    if answer.status != HTTPStatus.OK:
        raise PeerRefused(f"it answered {answer.status}{_code_of(answer.headers)}")
    if digest is not None and answer.headers.get("x-model-digest") != digest:
        raise PeerRefused("another model ranked than the one that it said it serves")


def _code_of(headers: Mapping[str, str]) -> str:
    code = headers.get("x-error-code", "")
    return f" ({code})" if code.isalpha() else ""


def _logits(body: bytes, count: int) -> NDArray[np.float64]:
    try:
        results = _Ranked.model_validate_json(body).results
    except ValidationError:
        raise PeerRefused("its answer is no ranking, or has a score that is no number") from None
    by_index = {result.index: result.score for result in results}
    if sorted(by_index) != list(range(count)) or len(results) != count:
        raise PeerRefused("its ranking does not have each document once")
    if not all(map(math.isfinite, by_index.values())):
        raise PeerRefused("its ranking has a score that is no number")
    return np.array([by_index[index] for index in range(count)], dtype=np.float64)
