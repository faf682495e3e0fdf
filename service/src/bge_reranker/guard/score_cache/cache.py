"""Ranks with what is known: only documents whose scores are not are queued, each once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Final, Literal, Protocol

from ...ranking.ranker import Asker
from ...ranking.ranking import Ranking, ScoreSource
from ...ranking.request import RankRequest
from ...ranking.served_model import ServedModel
from ...settings import ScoresSettings
from .flights import Flights
from .keys import pair_keys
from .memory import MemoryScores
from .shared import SharedScores
from .work import RequestWork

if TYPE_CHECKING:
    from ..redis import SharedRedis

Use = Literal["look_up", "refresh", "bypass"]
"""What a request wants: what is known; scores computed now, which are kept; or that nothing is looked up or kept."""

_INLINE_CHARACTERS: Final = 250_000
"""Texts up to this size are hashed on the event loop; a hop to a thread costs more than it saves."""


class ScoreObserver(Protocol):
    """Counts where scores come from."""

    def scores_found(self, where: ScoreSource, documents: int) -> None:
        """Count documents."""
        ...

    def keep_scores(self, entries: Callable[[], int]) -> None:
        """Show from now on how many scores are kept."""
        ...


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
        # A picture's key would have to be made of its pixels, which are read after this.
        if use == "bypass" or request.has_pictures:
            self._observer.scores_found("bypassed", len(request.documents))
            return await model.ranker.rank_async(request, deadline_s, asker)
        deadline = self._clock() + deadline_s
        keys = await self._keys(model, request, str(asker.name) if self._is_by_caller else "")
        work = RequestWork(self, model, request, keys, asker, deadline)
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
    cache = ScoreCache(settings, shared, executor, observer)
    observer.keep_scores(lambda: len(cache.memory))
    return cache
