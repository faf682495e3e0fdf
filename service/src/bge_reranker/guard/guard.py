"""Everything that stands before a request: who asks, how much they may, and where that is shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..settings import GuardSettings
from .authentication import Authenticator, create_authenticator
from .caller import Caller, Scope
from .client_address import ClientAddresses
from .credentials import Headers
from .limits import Charge, Limits, create_limits
from .observer import GuardObserver
from .redis_observer import RedisObserver

if TYPE_CHECKING:
    from .redis import SharedRedis


class Observer(GuardObserver, RedisObserver, Protocol):
    """Counts what the guard does."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may be read."""

    caller: Caller

    party: str
    """Who it is counted for: the caller, or the address of one who need not say a name."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Judges requests by their headers, and counts what they use."""

    authenticator: Authenticator
    addresses: ClientAddresses
    limits: Limits | None

    redis: SharedRedis | None
    """What replicas share, if there is one."""

    async def admit(self, headers: Headers, peer: str, scope: Scope) -> Admitted:
        """Let a request be read, by its headers alone.

        Args:
            headers: Of the request.
            peer: Address at the other end of its connection.
            scope: What it takes to do what it asks for.

        Raises:
            Unauthenticated: If they hold no credential that opens.
            Forbidden: If whoever asks may not do that.
            TokenKeysUnavailable: If a token cannot be verified now.
            RateLimited: If whoever asks has used up a share.
        """
        caller = await self.authenticator.identify(headers, scope)
        party = caller.identity if caller.kind != "anonymous" else f"address:{self.addresses.of(peer, headers)}"
        if self.limits is not None and caller.kind != "internal":
            self.limits.admit(party)
        return Admitted(caller, party)

    async def charge(self, admitted: Admitted, estimated_tokens: int) -> Charge | None:
        """Count a request that has been read; None where nothing is counted.

        Raises:
            RateLimited: If whoever asks has used up a share, here or at other replicas.
        """
        if self.limits is None or admitted.caller.kind == "internal":
            return None
        return await self.limits.charge(admitted.party, estimated_tokens)


def create_guard(settings: GuardSettings, observer: Observer) -> Guard:
    """Compose what the settings ask for.

    Raises:
        SettingsError: If a file cannot be read, or holds what it should not.
    """
    redis = None
    if settings.redis_url is not None:
        # Imported late: a start without Redis need not wait for its library.
        from .redis import connect  # noqa: PLC0415

        redis = connect(settings, observer)
    return Guard(
        create_authenticator(settings, observer),
        ClientAddresses(settings.trusted_proxies, settings.forwarding_header),
        create_limits(settings, redis),
        redis,
    )
