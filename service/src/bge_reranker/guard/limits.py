"""How much each caller may ask for in any minute: requests and tokens, counted here and in Redis if there is one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter as SharedLimiter
from limits.strategies import SlidingWindowCounterRateLimiter

from ..errors import RateLimited
from ..settings import GuardSettings
from .redis_observer import RedisUnavailable
from .window_store import WindowStore

if TYPE_CHECKING:
    from .redis import SharedRedis

LimitName = Literal["requests", "tokens"]
"""What is counted."""

_PREFIX: Final = "bge-reranker:limits"
"""Before every key in Redis."""


_TICK_S: Final = 0.001
"""Added to waits that end exactly when something fits."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """One limit."""

    name: LimitName
    item: RateLimitItem

    def refusal(self, wait_s: float, cost: int) -> RateLimited:
        amount = self.item.amount
        rest = "and has" if cost == 1 else f"and has not {cost} left, which this request may use"
        return RateLimited(
            f"This caller may use {amount} {self.name} in any minute, {rest}.",
            remedy="Come back after the seconds in Retry-After, or ask whoever runs this server for more.",
            retry_after_s=wait_s,
            figures={"limit": self.name, "amount": amount},
        )


class Charge:
    """What a request was charged with before it was known what it would use.

    Args:
        settle: Charges so many tokens more, or less where negative.
        tokens: What was charged.
    """

    def __init__(self, settle: Callable[[int], None], tokens: int) -> None:
        self._settle = settle
        self._tokens = tokens

    def settle(self, used_tokens: int) -> None:
        """Charge what was used instead, once."""
        difference, self._tokens = used_tokens - self._tokens, used_tokens
        if difference:
            self._settle(difference)


class Limits:
    """The limits of all callers.

    Args:
        requests_per_minute: Requests of one caller in any minute; None for any number.
        tokens_per_minute: Tokens, likewise.
        shared: Where replicas count together; None where each counts for itself.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
        shared: SharedRedis | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._requests = _limit("requests", requests_per_minute)
        self._tokens = _limit("tokens", tokens_per_minute)
        self._store = WindowStore(clock=clock)
        self._limiter = SlidingWindowCounterRateLimiter(self._store)
        self._shared = _Shared(shared) if shared is not None else None
        self._settling: set[asyncio.Task[None]] = set()

    @property
    def counts_tokens(self) -> bool:
        """Whether requests have to be estimated."""
        return self._tokens is not None

    def admit(self, party: str) -> None:
        """Count a request by its headers alone, in this process: whoever has used up a share is not read further.

        Args:
            party: Who it is counted for.

        Raises:
            RateLimited: If they have.
        """
        key = _key(party)
        if self._requests is not None and not self._limiter.hit(self._requests.item, key):
            raise self._refusal(self._requests, key, 1)
        if self._tokens is not None and not self._limiter.test(self._tokens.item, key):
            raise self._refusal(self._tokens, key, 1)

    async def charge(self, party: str, estimated_tokens: int) -> Charge:
        """Count a request that has been read, for all replicas.

        Args:
            party: Who it is counted for.
            estimated_tokens: What it will use at most; a share that has not been touched is enough for any request.

        Raises:
            RateLimited: If this or another replica has counted all that they may use.
        """
        key, tokens = _key(party), 0
        if self._tokens is not None:
            tokens = min(estimated_tokens, self._tokens.item.amount)
            if not self._limiter.hit(self._tokens.item, key, cost=tokens):
                raise self._refusal(self._tokens, key, tokens)
        is_shared = self._shared is not None and await self._charge_shared(self._shared, key, tokens)
        return Charge(lambda more: self._settle(key, more, is_shared=is_shared), tokens)

    async def _charge_shared(self, shared: _Shared, key: str, tokens: int) -> bool:
        """Charge in Redis; gives whether it was."""
        costs = [(limit, cost) for limit, cost in ((self._requests, 1), (self._tokens, tokens)) if limit is not None]
        try:
            refused = await shared.hit(key, costs)
        except RedisUnavailable:
            # What this process has counted is what there is.
            return False
        if refused is None:
            return True
        limit, wait_s = refused
        # What is refused counts nowhere, or this process would refuse whoever comes back when he was told to.
        for counted, cost in ((self._requests, 1), (self._tokens, tokens)):
            if counted is not None:
                self._add(counted, key, -cost)
        raise limit.refusal(wait_s, tokens if limit.name == "tokens" else 1)

    def _settle(self, key: str, more_tokens: int, *, is_shared: bool) -> None:
        if self._tokens is None:
            return
        self._add(self._tokens, key, more_tokens)
        if self._shared is not None and is_shared:
            # Beside the answer, which has no reason to wait for it.
            task = asyncio.ensure_future(self._shared.add(key, self._tokens, more_tokens))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    def _add(self, limit: _Limit, key: str, amount: int) -> None:
        self._store.incr(limit.item.key_for(key), limit.item.get_expiry(), amount)

    def _refusal(self, limit: _Limit, key: str, cost: int) -> RateLimited:
        item = limit.item
        window = self._store.get_sliding_window(item.key_for(key), item.get_expiry())
        return limit.refusal(wait_s(window, item, cost), cost)


class _Shared:
    """The same counts in Redis."""

    def __init__(self, redis: SharedRedis) -> None:
        self._redis = redis
        # Its scheme is looked at, and nothing else: the connections are ours.
        self._storage = RedisStorage(
            "redis://",
            implementation="redispy",
            key_prefix=_PREFIX,
            connection_pool=redis.pool,  # type: ignore[arg-type] # documented, and not declared
        )
        self._limiter = SharedLimiter(self._storage)

    async def hit(self, key: str, costs: list[tuple[_Limit, int]]) -> tuple[_Limit, float] | None:
        """Count; gives the limit that does not allow it, and the seconds to wait.

        Raises:
            RedisUnavailable: If Redis does not answer in time.
        """

        async def operation() -> tuple[_Limit, float] | None:
            taken = await asyncio.gather(*(self._limiter.hit(limit.item, key, cost=cost) for limit, cost in costs))
            if all(taken):
                return None
            for (limit, cost), is_taken in zip(costs, taken, strict=True):
                if is_taken and limit.name == "tokens":
                    await self._add(key, limit, -cost)
            limit, cost = next(pair for pair, is_taken in zip(costs, taken, strict=True) if not is_taken)
            window = await self._storage.get_sliding_window(limit.item.key_for(key), limit.item.get_expiry())
            return limit, wait_s(window, limit.item, cost)

        return await self._redis.ask("limits", operation)

    async def add(self, key: str, limit: _Limit, amount: int) -> None:
        """Count so much more, or less, whether it is allowed or not; nothing where Redis does not answer."""
        try:
            await self._redis.ask("limits", lambda: self._add(key, limit, amount))
        except RedisUnavailable:
            return

    async def _add(self, key: str, limit: _Limit, amount: int) -> None:
        # The braces are those of the strategy's current window.
        await self._storage.incr(f"{{{limit.item.key_for(key)}}}", 2 * limit.item.get_expiry(), amount)


def wait_s(window: tuple[int, float, int, float], item: RateLimitItem, cost: int) -> float:
    """Seconds until a cost fits, if nothing else is counted meanwhile.

    Args:
        window: Count of the window before, seconds for which it still weighs, count of this one, and seconds until that
            weighs no more either.
        item: The limit.
        cost: What is wanted.
    """
    previous, previous_s, current, current_s = window
    expiry, room = item.get_expiry(), item.amount - cost
    # What the window before still weighs is rounded down, so that it fits from just below one more.
    if current <= room:
        return max(0.0, previous_s - expiry * (room - current + 1) / previous) + _TICK_S if previous else 0.0
    shift_s = max(0.0, current_s - expiry)
    return shift_s + expiry * (1 - (max(0, room) + 1) / current) + _TICK_S


def create_limits(settings: GuardSettings, shared: SharedRedis | None) -> Limits | None:
    """The limits that the settings set; None without any."""
    if settings.requests_per_minute is None and settings.tokens_per_minute is None:
        return None
    return Limits(settings.requests_per_minute, settings.tokens_per_minute, shared)


def _limit(name: LimitName, amount: int | None) -> _Limit | None:
    return None if amount is None else _Limit(name, RateLimitItemPerMinute(amount, namespace=name))


def _key(party: str) -> str:
    """A party as keys hold it: of any characters and any length, and nobody's name in somebody else's database."""
    return sha256(party.encode()).hexdigest()[:32]
