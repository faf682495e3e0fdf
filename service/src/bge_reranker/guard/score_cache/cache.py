"""Ranks with what is known: only documents whose scores are not are queued, each once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

import numpy as np

from ...errors import CapacityError, DeadlineExceeded, QueueFull, RerankerError, ScoringError, WorkerDied
from ...ranking.ranker import Asker
from ...ranking.ranking import Ranking, ScoreSource, Timing
from ...ranking.request import RankRequest
from ...ranking.served_model import ServedModel
from ...settings import ScoresSettings
from ..redis import SharedRedis
from .entry import Entry
from .flights import Flights, Terms
from .keys import pair_keys
from .memory import MemoryScores
from .shared import SharedScores

Use = Literal["look_up", "refresh", "bypass"]
"""What a request wants: what is known; scores computed now, which are kept; or that nothing is looked up or kept."""

_INLINE_CHARACTERS: Final = 250_000
"""Texts up to this size are hashed on the event loop; a hop to a thread costs more than it saves."""


_NO_TIME: Final = Timing(0.0, 0.0, 0.0)
"""Of a request for which nothing was computed."""


class ScoreObserver(Protocol):
    """Counts where scores come from."""

    def scores_found(self, where: ScoreSource, documents: int) -> None:
        """Count documents."""
        ...


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


class ScoreCache:
    """The scores of one process, and those that it shares. For the event loop's thread.

    Args:
        settings: How much is kept, for how long, and who shares it.
        shared: Scores in Redis, if they are shared.
        executor: Where large texts are hashed.
        observer: Where it is counted where scores come from.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        settings: ScoresSettings,
        shared: SharedScores | None,
        executor: Executor,
        observer: ScoreObserver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_by_caller = settings.score_cache_scope == "caller"
        self.memory = MemoryScores(settings.score_cache_bytes)
        self._shared = shared
        self._executor = executor
        self._observer = observer
        self._clock = clock
        self._flights = Flights()

    async def rank(
        self, model: ServedModel, request: RankRequest, deadline_s: float, asker: Asker, use: Use = "look_up"
    ) -> Ranking:
        """Rank as the model's ranker does.

        Args:
            model: Computes what is not known.
            request: What to rank.
            deadline_s: Seconds from now until the answer is worthless.
            asker: For whom.
            use: What the request wants of the cache.

        Raises:
            RequestError: If a text does not fit its policy.
            CapacityError: If the engine refuses what is not known, or its deadline passes.
            ScoringError: If no document could be scored.
        """
        if use == "bypass":
            self._observer.scores_found("bypassed", len(request.documents))
            return await model.ranker.rank_async(request, deadline_s, asker)
        deadline = self._clock() + deadline_s
        keys = await self._keys(model, request, str(asker.name) if self._is_by_caller else "")
        work = _Work(self, model, request, keys, asker, deadline)
        if use == "look_up":
            await work.look_up()
        else:
            await work.compute(list(work.first))
        return work.ranking()

    async def find_shared(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Scores that other replicas know; they are kept here too."""
        if self._shared is None:
            return {}
        found = await self._shared.get(keys)
        for key, packed in found.items():
            self.memory.put(key, packed)
        return found

    def keep(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep scores that were computed."""
        for key, packed in entries.items():
            self.memory.put(key, packed)
            self._flights.settle(key, packed)
        if self._shared is not None:
            self._shared.put(entries)

    @property
    def flights(self) -> Flights:
        """What is being computed."""
        return self._flights

    def now(self) -> float:
        """Seconds, monotonic."""
        return self._clock()

    def count(self, where: ScoreSource, documents: int) -> None:
        """Count documents by where their scores came from."""
        if documents:
            self._observer.scores_found(where, documents)

    async def _keys(self, model: ServedModel, request: RankRequest, tenant: str) -> Sequence[bytes]:
        policy = model.ranker.policy_of(request)
        if request.characters <= _INLINE_CHARACTERS:
            return pair_keys(model, policy, request, tenant)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, pair_keys, model, policy, request, tenant)


class _Work:
    """One request on its way through the cache."""

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
        terms = Terms(self._request.priority, self._deadline)
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
            known_documents=sum(key not in known.computed for key in keys),
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


_NOTHING: Final = Entry(np.float32(0), 0, truncated=False)
"""Of a document without a score."""


def create_score_cache(
    settings: ScoresSettings, redis: SharedRedis | None, executor: Executor, observer: ScoreObserver
) -> ScoreCache | None:
    """The cache that the settings ask for; None where nothing is kept.

    Args:
        settings: How much is kept, for how long, and who shares it.
        redis: What replicas share, if there is one.
        executor: Where large texts are hashed.
        observer: Where it is counted where scores come from.
    """
    shared = SharedScores(redis, settings.score_ttl_s) if settings.share_scores and redis is not None else None
    if shared is None and not settings.score_cache_bytes:
        return None
    return ScoreCache(settings, shared, executor, observer)
