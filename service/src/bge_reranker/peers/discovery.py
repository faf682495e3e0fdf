"""Where the other servers are: addresses of host names, asked for with a limit of time that resolvers lack."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from .patience import results_within

Resolve = Callable[..., Sequence[tuple[Any, ...]]]
"""As `socket.getaddrinfo`."""

MAX_PEERS = 32
"""Most servers that are asked; all of a service say the same, but for those of another version."""


def addresses(hosts: str, limit_s: float, resolve: Resolve = socket.getaddrinfo) -> list[str]:
    """Find the addresses of other servers.

    Args:
        hosts: Names or addresses, separated by commas; a name may stand for many.
        limit_s: Seconds after which what is not found yet is left out.
        resolve: Asks the system's resolver.

    Returns:
        Addresses as a URL has them, in an order that does not depend on the resolver's.
    """
    found: set[str] = set()
    for host in filter(None, (part.strip() for part in hosts.split(","))):
        found |= _resolved(host, limit_s, resolve)
    return sorted(found)[:MAX_PEERS]


def _resolved(host: str, limit_s: float, resolve: Resolve) -> set[str]:
    def ask() -> Sequence[tuple[Any, ...]]:
        # A name that is not there yet, as that of a service without a ready pod, has no address.
        try:
            return resolve(host, None, type=socket.SOCK_STREAM)
        except OSError:
            return ()

    found = {str(answer[4][0]) for each in results_within(limit_s, [ask]) for answer in each}
    return {f"[{address}]" if ":" in address else address for address in found}
