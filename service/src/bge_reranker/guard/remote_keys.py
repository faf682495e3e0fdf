"""The JWKS of an address: fetched when it is needed, kept while it cannot be fetched, and never waited for long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import httpx2
import structlog

from ..errors import SettingsError, TokenKeysUnavailable
from .authorities import Authorities
from .observer import GuardObserver
from .token_keys import TokenKeys, read_jwks

REFRESH_S: Final = 300.0
"""Seconds after which keys are fetched again, beside the requests."""

MAX_AGE_S: Final = 86_400.0
"""Seconds for which keys count though they cannot be fetched: an outage of the issuer is none of this server."""

PAUSE_S: Final = 10.0
"""Least seconds between two fetches, however many tokens name keys that nobody knows."""

WAIT_S: Final = 2.0
"""Longest wait of a request for a fetch."""

_FETCH_S: Final = 5.0
"""Longest wait for the other side, each time."""

_WHOLE_FETCH_S: Final = 8.0
"""Seconds after which a fetch has failed, be it that bytes still drip in: the next one may do better."""

_MOST_BYTES: Final = 1_000_000
"""Largest key set that is read."""

_log = structlog.get_logger("bge_reranker.guard")

Fetch = Callable[[], str]
"""Gets the text of the key set; may take seconds, and raises OSError or ValueError."""


class RemoteKeys:
    """The keys at an address, as of the last fetch that went well.

    Args:
        fetch: Gets the key set; called in a thread.
        source: What the address is called in errors.
        observer: Where fetches are counted.
        clock: Seconds, monotonic.
    """

    def __init__(
        self, fetch: Fetch, source: str, observer: GuardObserver, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._source = source
        self._observer = observer
        self._clock = clock
        self._keys = TokenKeys()
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def age_s(self) -> float:
        """Seconds since the last fetch that went well; infinite before the first."""
        return self._clock() - self._fetched_at

    @property
    def known(self) -> TokenKeys:
        """The keys, however old; none before the first fetch."""
        return self._keys

    async def current(self) -> TokenKeys:
        """The keys, at most a day old.

        Raises:
            TokenKeysUnavailable: If there are none.
        """
        if self.age_s > MAX_AGE_S:
            await self.renew()
        elif self.age_s > REFRESH_S:
            self._begin()
        if self.age_s > MAX_AGE_S:
            raise TokenKeysUnavailable(
                "The keys that verify tokens cannot be fetched.",
                remedy="Try again later, or send an API key.",
                retry_after_s=max(1.0, self._tried_at + PAUSE_S - self._clock()),
            )
        return self._keys

    async def renew(self) -> TokenKeys:
        """The keys after another fetch, unless there was one just now or it takes too long."""
        self._begin()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=WAIT_S)
        return self._keys

    def _begin(self) -> None:
        now = self._clock()
        if now - self._tried_at >= PAUSE_S and (self._task is None or self._task.done()):
            self._tried_at = now
            self._task = asyncio.create_task(self._fetch_once())

    async def _fetch_once(self) -> None:
        try:
            async with asyncio.timeout(_WHOLE_FETCH_S):
                text = await _in_thread_of_its_own(self._fetch)
            self._keys = read_jwks(text, self._source)
        except (OSError, ValueError, SettingsError) as error:
            # Of what the network says `fetch_from` keeps the kind alone: the rest may hold the address.
            reason = error.message if isinstance(error, SettingsError) else str(error) or type(error).__name__
            _log.warning("token_keys_not_fetched", code=TokenKeysUnavailable.__name__, reason=reason)
            self._observer.credentials_read("jwks_url", is_ok=False)
        else:
            self._fetched_at = self._clock()
            self._observer.credentials_read("jwks_url", is_ok=True)


async def _in_thread_of_its_own(fetch: Fetch) -> str:
    """Fetch in a thread for which neither the other threads' work nor the end of the process waits."""
    loop = asyncio.get_running_loop()
    fetched: asyncio.Future[str] = loop.create_future()

    def tell(text: str | None, error: Exception | None) -> None:
        if fetched.done():
            return
        if error is not None:
            fetched.set_exception(error)
        else:
            fetched.set_result(text or "")

    def work() -> None:
        text, failure = None, None
        try:
            text = fetch()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits hears of it
            failure = error
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, text, failure)

    threading.Thread(target=work, name="token-keys", daemon=True).start()
    return await fetched


def fetch_from(url: str, ca_file: str | None = None) -> Fetch:
    """Fetches from an address.

    Args:
        url: The address.
        ca_file: File with the authorities that may have signed its certificate; those of the system by default.

    Raises:
        SettingsError: If the file cannot be used.
    """
    authorities = Authorities(ca_file)

    def fetch() -> str:
        try:
            with (
                httpx2.Client(timeout=_FETCH_S, verify=authorities.context()) as client,
                client.stream("GET", url) as answer,
            ):
                answer.raise_for_status()
                content, began = bytearray(), time.monotonic()
                for chunk in answer.iter_bytes():
                    content += chunk
                    if time.monotonic() - began > _WHOLE_FETCH_S:
                        raise TimeoutError("TooSlow")
                    if len(content) > _MOST_BYTES:
                        raise ValueError("too large")
                return content.decode()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise OSError(type(error).__name__) from None

    return fetch
