"""One request on its way through the score cache: what is known, what others compute, and the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ...errors import CapacityError, DeadlineExceeded, QueueFull, RerankerError, ScoringError, WorkerDied
from ...ranking.ranker import Asker
from ...ranking.ranking import Ranking, ScoreSource, Timing
from ...ranking.request import RankRequest
from ...ranking.served_model import ServedModel
from .entry import Entry
from .flights import Terms

if TYPE_CHECKING:
    from .cache import ScoreCache

_NO_TIME: Final = Timing(0.0, 0.0, 0.0)
"""Of a request for which nothing was computed."""


_NOTHING: Final = Entry(np.float32(0), 0, truncated=False)
"""Of a document without a score."""


@dataclass
class _Known:
    """What is known of the documents of one request, by key."""

    entries: dict[bytes, bytes] = field(default_factory=dict)
    errors: dict[bytes, RerankerError] = field(default_factory=dict)
    computed: set[bytes] = field(default_factory=set)
    timing: Timing = _NO_TIME

    def holds(self, key: bytes) -> bool:
        """Whether nothing is to be done for a key."""
        return key in self.entries or key in self.errors


class RequestWork:
    """One request on its way through the cache.

    Args:
        cache: Where scores are looked up and kept.
        model: Computes what is not known.
        request: What to rank.
        keys: Of its documents.
        asker: For whom.
        deadline: Second on the cache's clock at which the answer is worthless.
    """

    def __init__(
        self,
        cache: ScoreCache,
        model: ServedModel,
        request: RankRequest,
        keys: Sequence[bytes],
        asker: Asker,
        deadline: float,
    ) -> None:
        self._cache = cache
        self._model = model
        self._request = request
        self._keys = keys
        self._asker = asker
        self._deadline = deadline
        self.first: dict[bytes, int] = {}
        """The first document of each key."""
        for index, key in enumerate(keys):
            self.first.setdefault(key, index)
        self._known = _Known()
        self._where: dict[bytes, ScoreSource] = {}

    async def look_up(self) -> None:
        """Take what is known here, elsewhere or soon; compute the rest."""
        self._take("memory", ((key, self._cache.memory.get(key)) for key in self.first))
        missing = [key for key in self.first if not self._known.holds(key)]
        if not missing:
            return
        terms = Terms(self._request.priority, self._deadline, self._asker.name, len(missing))
        own, others = self._cache.flights.claim(missing, terms)
        try:
            for key, packed in (await self._cache.find_shared(own)).items():
                self._take("redis", [(key, packed)])
                self._cache.flights.settle(key, packed)
            await self.compute([key for key in own if not self._known.holds(key)])
        finally:
            self._cache.flights.give_up(own, terms)
        if others:
            # Not gathered: whoever waits must not cancel what others wait for too.
            await asyncio.wait(others.values())
            self._take("in_flight", ((key, flight.result()) for key, flight in others.items()))
            # Whoever computed them was cancelled, or failed: no reason for this request to fail.
            await self.compute([key for key in others if not self._known.holds(key)])

    async def compute(self, keys: Sequence[bytes]) -> None:
        """Compute the scores of keys, and keep them."""
        if not keys:
            return
        indices = [self.first[key] for key in keys]
        try:
            ranking = await self._model.ranker.rank_async(
                self._part(indices), self._deadline - self._cache.now(), self._asker
            )
        except (DeadlineExceeded, QueueFull, ScoringError) as error:
            self._note_failure(keys, error)
            return
        self._note(keys, ranking)

    def ranking(self) -> Ranking:
        """Put together what is known of every document."""
        known, keys = self._known, self._keys
        errors = {index: known.errors[key] for index, key in enumerate(keys) if key in known.errors}
        unpacked = {key: Entry.unpacked(packed) for key, packed in known.entries.items()}
        entries = [unpacked.get(key, _NOTHING) for key in keys]
        self._count()
        return Ranking(
            logits=np.array([entry.logit for entry in entries], dtype=np.float32),
            errors=errors,
            tokens=np.array([entry.tokens for entry in entries], dtype=np.int32),
            truncated=np.array([entry.truncated for entry in entries], dtype=np.bool_),
            timing=known.timing,
            # Of equal documents one was computed.
            known_documents=len(keys) - len(known.computed),
        )

    def _part(self, indices: Sequence[int]) -> RankRequest:
        request = self._request
        if len(indices) == len(request.documents):
            return request
        return replace(
            request,
            documents=[request.documents[index] for index in indices],
            queries=None if request.queries is None else [request.queries[index] for index in indices],
            indices=indices,
        )

    def _take(self, where: ScoreSource, found: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, packed in found:
            if packed is not None:
                self._known.entries[key] = packed
                self._where[key] = where

    def _note(self, keys: Sequence[bytes], ranking: Ranking) -> None:
        computed = {
            key: Entry(logit, tokens, truncated).packed()
            for index, (key, logit, tokens, truncated) in enumerate(
                zip(keys, ranking.logits, ranking.tokens.tolist(), ranking.truncated.tolist(), strict=True)
            )
            if index not in ranking.errors
        }
        self._cache.keep(computed)
        self._known.entries |= computed
        self._known.errors |= {keys[index]: error for index, error in ranking.errors.items()}
        self._known.computed.update(keys)
        self._known.timing = ranking.timing

    def _note_failure(self, keys: Collection[bytes], error: RerankerError) -> None:
        """Let documents fail that are the rest of a request, where the others are an answer all the same."""
        is_late = isinstance(error, CapacityError)
        is_answer = self._known.entries and not isinstance(error, WorkerDied)
        if not is_answer or (is_late and not self._request.is_partial):
            raise error
        if is_late and not isinstance(error, DeadlineExceeded):
            error = DeadlineExceeded("Not scored: what waits here leaves no time for it.", remedy=error.remedy)
        self._known.errors |= dict.fromkeys(keys, error)
        self._known.computed.update(keys)

    def _count(self) -> None:
        where: dict[ScoreSource, int] = {}
        for key in self.first:
            found = self._where.get(key, "computed")
            where[found] = where.get(found, 0) + 1
        for found, documents in where.items():
            self._cache.count(found, documents)
        self._cache.count("duplicate", len(self._keys) - len(self.first))
