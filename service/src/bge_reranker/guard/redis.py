"""What replicas share: one Redis, which may be slow, full, restarted or away without a request failing for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisError
from typing_extensions import override

from ..errors import SettingsError
from ..settings import GuardSettings
from ..text_files import NotText, read_text
from .authorities import Authorities
from .breaker import Breaker
from .redis_observer import Outcome, Part, RedisObserver, RedisUnavailable

MOST_CONNECTIONS: Final = 32
"""Connections of one process; an operation that finds all of them busy waits for one within its time."""

GRACE_S: Final = 1.0
"""Seconds for which an operation goes on by itself when its request has gone on without it: a new connection, by TLS
above all, may take longer than a request waits, and would never be made if every request broke it off."""

_Answer = TypeVar("_Answer")
_log = structlog.get_logger("bge_reranker.redis")


class SharedRedis:
    """Operations on Redis, each within a time that a request can spare.

    Args:
        pool: Connections to it.
        timeout_s: Longest time for one operation, a new connection included.
        observer: Where operations are counted.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        pool: BlockingConnectionPool,
        timeout_s: float,
        observer: RedisObserver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self.client: Redis = Redis(connection_pool=pool)
        self._timeout_s = timeout_s
        self._observer = observer
        self._clock = clock
        self._breaker = Breaker()
        self._left: set[asyncio.Future[Any]] = set()
        observer.redis_breaker(is_open=False)

    async def ask(self, part: Part, operation: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Do one operation, which may be several commands.

        Args:
            part: Who asks.
            operation: Starts it; not called while the breaker is open.

        Raises:
            RedisUnavailable: If it fails, takes too long, or Redis has done so lately.
        """
        if not self._breaker.allows(self._clock()):
            self._observer.redis_asked(part, "skipped")
            raise RedisUnavailable
        under_way = asyncio.ensure_future(operation())
        try:
            if not (await asyncio.wait({under_way}, timeout=self._timeout_s))[0]:
                self._failed(part, "timed_out", TimeoutError())
                raise RedisUnavailable
            answer = under_way.result()
        # A value error where a library cannot read what somebody else has put there.
        except (RedisError, OSError, ValueError) as error:
            self._failed(part, "failed", error)
            raise RedisUnavailable from None
        finally:
            if not under_way.done():
                self._leave(under_way)
        self._succeeded(part)
        return answer

    async def close(self) -> None:
        """End what still goes on, and close every connection."""
        for left in self._left:
            left.cancel()
        await asyncio.gather(*self._left, return_exceptions=True)
        await self.pool.disconnect()

    def _leave(self, under_way: asyncio.Future[Any]) -> None:
        """Let an operation go on for a while, though nobody waits for it any more."""
        self._left.add(under_way)
        ends = asyncio.get_running_loop().call_later(GRACE_S, under_way.cancel)

        def forget(ended: asyncio.Future[Any]) -> None:
            ends.cancel()
            self._left.discard(ended)
            if not ended.cancelled():
                # Looked at, so that asyncio does not call it forgotten: that it came late is counted already.
                ended.exception()

        under_way.add_done_callback(forget)

    def _succeeded(self, part: Part) -> None:
        self._observer.redis_asked(part, "ok")
        if self._breaker.is_open:
            _log.info("redis_answers_again")
            self._observer.redis_breaker(is_open=False)
        self._breaker.succeeded()

    def _failed(self, part: Part, outcome: Outcome, error: Exception) -> None:
        self._observer.redis_asked(part, outcome)
        was_open = self._breaker.is_open
        self._breaker.failed(self._clock())
        if self._breaker.is_open and not was_open:
            # The kind of error alone: what a server answers may repeat what it was told.
            _log.warning("redis_left_alone", part=part, reason=type(error).__name__)
            self._observer.redis_breaker(is_open=True)


def connect(settings: GuardSettings, observer: RedisObserver) -> SharedRedis | None:
    """The Redis that the settings name; None without one. Nothing is connected yet.

    Args:
        settings: Its address, the file of its password, and how long to wait for it.
        observer: Where operations are counted.

    Raises:
        SettingsError: If a file cannot be read.
    """
    if settings.redis_url is None:
        return None
    timeout_s = settings.redis_timeout_ms / 1000
    options = _connection_options(settings.redis_url, settings.ca_file)
    if settings.redis_password_file is not None:
        # The library takes a user's name from the provider or from the address, and refuses both at once.
        user = options.pop("username", None)
        options["credential_provider"] = _PasswordFile(Path(settings.redis_password_file), user)
    pool = BlockingConnectionPool(
        max_connections=MOST_CONNECTIONS,
        timeout=timeout_s,
        # One try: the request has no time for more, and the next one is another.
        retry=Retry(NoBackoff(), 0),
        driver_info=None,
        **options,
    )
    return SharedRedis(pool, timeout_s, observer)


def _connection_options(url: str, ca_file: str | None) -> dict[str, Any]:
    """What the address says, as the library calls it, and how its certificate is verified.

    Raises:
        SettingsError: If the file of authorities cannot be used.
    """
    options: dict[str, Any] = dict(parse_url(url))
    if options.get("connection_class") is SSLConnection:
        options |= {"connection_class": _TlsConnection, "authorities": Authorities(ca_file)}
    return options


class _TlsConnection(SSLConnection):
    """Verifies by what all connections share: one made for each would hold up the event loop for dozens of ms."""

    def __init__(self, authorities: Authorities, **options: Any) -> None:
        super().__init__(**options)
        self._authorities = authorities

    @override
    async def connect(self) -> None:
        # In a thread, since it is made again where the file has changed.
        self.ssl_context.context = await asyncio.to_thread(self._authorities.context)
        await super().connect()  # type: ignore[no-untyped-call] # redis-py has no types here


class _PasswordFile(CredentialProvider):
    """The password as the file has it whenever a connection is made: a rotated Secret needs no restart."""

    def __init__(self, file: Path, username: str | None) -> None:
        self._file = file
        self._username = username
        try:
            self._password()
        except NotText as error:
            raise SettingsError(
                f"The file of Redis' password {file} {error}.", remedy="Mount it there, or correct redisPasswordFile."
            ) from None

    def _password(self) -> str:
        return read_text(self._file).strip()

    @override
    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        try:
            password = self._password()
        except NotText as error:
            raise RedisError(str(error)) from None
        return (self._username, password) if self._username else (password,)

    @override
    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()
