"""The steps from a request to its ranking: reserve, tokenise, submit, wait, combine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np

from ..engine.batch import Pair
from ..engine.engine import Engine, Outcome, Reservation, Submission
from ..errors import RerankerError
from ..settings import LongDocuments
from ..text.encoder import EncodedDocument, PairEncoder, combine_windows
from ..text.policy import TextPolicy
from ..text.windows import WindowMode
from .ranking import Ranking, Timing
from .request import RankRequest

_INLINE_CHARACTERS = 2_000
"""Requests up to this size are tokenised where they are; a hop to a thread costs more than it saves."""


class Ranker:
    """Ranks documents with one model.

    Args:
        encoder: Turns text into tokens.
        engine: A started engine.
        policy: Text policy of the server, which a request may change for itself.
        executor: Where tokenising and the assembly of large answers run, so that the event loop stays free.
        clock: Seconds, monotonic; the engine's.
    """

    def __init__(
        self,
        encoder: PairEncoder,
        engine: Engine,
        policy: TextPolicy,
        executor: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._encoder = encoder
        self._engine = engine
        self.policy = policy
        self._executor = executor
        self._clock = clock

    def rank(self, request: RankRequest, deadline_s: float) -> Ranking:
        """Rank and wait; for threads other than an event loop's.

        Args:
            request: What to rank.
            deadline_s: Seconds from now until the answer is worthless.

        Raises:
            RequestError: If a text does not fit its policy.
            CapacityError: If the engine refuses the request or its deadline passes.
            ScoringError: If no document could be scored.
        """
        policy = self._policy_of(request)
        with self._reserve(request, policy, deadline_s) as reservation:
            encoded, tokenise_s = self._encode(request, policy)
            done: Future[Outcome] = Future()
            self._engine.submit(reservation, _pairs(encoded), done.set_result)
            return _assemble(encoded, done.result(), policy.long_documents, tokenise_s)

    async def rank_async(self, request: RankRequest, deadline_s: float) -> Ranking:
        """Rank without blocking the event loop; a cancelled task abandons its pairs.

        Args:
            request: What to rank.
            deadline_s: Seconds from now until the answer is worthless.

        Raises:
            RequestError: If a text does not fit its policy.
            CapacityError: If the engine refuses the request or its deadline passes.
            ScoringError: If no document could be scored.
        """
        loop = asyncio.get_running_loop()
        policy = self._policy_of(request)
        with self._reserve(request, policy, deadline_s) as reservation:
            if _characters(request) <= _INLINE_CHARACTERS:
                encoded, tokenise_s = self._encode(request, policy)
            else:
                encoded, tokenise_s = await loop.run_in_executor(self._executor, self._encode, request, policy)
            outcome = await self._outcome(loop, reservation, encoded)
            arguments = (encoded, outcome, policy.long_documents, tokenise_s)
            if len(encoded) <= _INLINE_CHARACTERS:
                return _assemble(*arguments)
            return await loop.run_in_executor(self._executor, _assemble, *arguments)

    async def _outcome(
        self, loop: asyncio.AbstractEventLoop, reservation: Reservation, encoded: Sequence[EncodedDocument]
    ) -> Outcome:
        answered: asyncio.Future[Outcome] = loop.create_future()

        def resolve(outcome: Outcome) -> None:
            if not answered.done():
                answered.set_result(outcome)

        def hand_over(outcome: Outcome) -> None:
            loop.call_soon_threadsafe(resolve, outcome)

        submission: Submission = self._engine.submit(reservation, _pairs(encoded), hand_over)
        try:
            return await answered
        except asyncio.CancelledError:
            submission.abandon()
            raise

    def _policy_of(self, request: RankRequest) -> TextPolicy:
        policy = self.policy
        return replace(
            policy,
            truncation=request.truncation or policy.truncation,
            direction=request.truncation_direction or policy.direction,
            long_documents=request.long_documents or policy.long_documents,
        )

    def _reserve(self, request: RankRequest, policy: TextPolicy, deadline_s: float) -> Reservation:
        tokens = self._encoder.estimate_tokens(request.query, request.documents, policy)
        return self._engine.reserve(tokens, self._clock() + deadline_s)

    def _encode(self, request: RankRequest, policy: TextPolicy) -> tuple[Sequence[EncodedDocument], float]:
        began = self._clock()
        encoded = self._encoder.encode(request.query, request.documents, policy)
        return encoded.documents, self._clock() - began


def _characters(request: RankRequest) -> int:
    return len(request.query) + sum(map(len, request.documents))


def _pairs(encoded: Sequence[EncodedDocument]) -> list[Pair]:
    return [pair for document in encoded for pair in document.pairs]


def _assemble(
    encoded: Sequence[EncodedDocument], outcome: Outcome, long_documents: LongDocuments, tokenise_s: float
) -> Ranking:
    """Fold the pairs of each document's windows into one logit per document."""
    logits = np.zeros(len(encoded), dtype=np.float32)
    errors: dict[int, RerankerError] = {}
    first = 0
    for index, document in enumerate(encoded):
        after = first + len(document.pairs)
        error = next((outcome.errors[pair] for pair in range(first, after) if pair in outcome.errors), None)
        if error is not None:
            errors[index] = error
        elif len(document.pairs) == 1:
            logits[index] = outcome.logits[first]
        else:
            mode: WindowMode = "windows_mean" if long_documents == "windows_mean" else "windows_max"
            logits[index] = combine_windows(outcome.logits[first:after], mode)
        first = after
    if len(errors) == len(encoded):
        raise errors[0]
    return Ranking(
        logits=logits,
        errors=errors,
        tokens=np.fromiter((document.tokens for document in encoded), dtype=np.int32, count=len(encoded)),
        truncated=np.fromiter((document.truncated for document in encoded), dtype=np.bool_, count=len(encoded)),
        timing=Timing(tokenise_s, outcome.queue_s, outcome.compute_s),
    )
