"""Whose address a request is counted for: the client's, where a proxy that is trusted says it, else the peer's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, Literal

from .credentials import Headers

ForwardingHeader = Literal["x-forwarded-for", "forwarded"]
"""Where proxies say whom they forward for. One of the two: a proxy that writes the one passes on the other as it
came from the client."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_HOPS: Final = 16
"""Most proxies in a row that are looked at."""

_CLIENT_BITS: Final = 64
"""Bits of an IPv6 address that name a client: the rest it chooses itself."""

_PORT: Final = re.compile(r"^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$")
"""An address with or without a port; those of IPv6 in brackets where there is one."""

_PAIR: Final = re.compile(r'[ \t]*(?:([\w!#$%&\'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[^",; \t]*))?[ \t]*([;,]|$)')
"""RFC 7239, 4: a pair and what follows it. A comma or a semicolon within quotes ends nothing."""


class ClientAddresses:
    """Finds the address of a request's client.

    Args:
        trusted_proxies: Networks whose word is taken, separated by commas, as the setting has them; None for none.
        header: Where they say it.
    """

    def __init__(self, trusted_proxies: str | None, header: ForwardingHeader) -> None:
        texts = trusted_proxies.split(",") if trusted_proxies else ()
        self._trusted: list[_Network] = [ipaddress.ip_network(text.strip(), strict=False) for text in texts]
        self._header: ForwardingHeader = header

    def of(self, peer: str, headers: Headers) -> str:
        """The client's address; of IPv6 the network, which is what one client has.

        Args:
            peer: Who holds the other end of the connection.
            headers: Of the request.
        """
        address = _address(peer)
        if address is None:
            return peer
        for hop in islice(self._hops(headers), _MOST_HOPS):
            if not self._is_trusted(address):
                break
            if (before := _address(hop)) is None:
                # `unknown`, a name, or nonsense: the last address that somebody vouches for counts.
                break
            address = before
        return _shown(address)

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)

    def _hops(self, headers: Headers) -> Iterator[str]:
        """Whom each proxy forwarded for, the nearest first."""
        if not self._trusted:
            return
        lines = headers.getlist(self._header)
        if self._header == "x-forwarded-for":
            yield from (element.strip() for element in reversed(",".join(lines).split(",")))
        else:
            for line in reversed(lines):
                yield from reversed(_forwarded_for(line))


def _forwarded_for(line: str) -> list[str]:
    """Who made the request of each element of a line; empty where it says nothing, or the line is none of the form."""
    found, at = [""], 0
    while True:
        pair = _PAIR.match(line, at)
        if pair is None:
            # Whoever wrote it, a part of it may look like what it is not.
            return [""]
        if (pair[1] or "").lower() == "for":
            found[-1] = pair[2].strip('"')
        at = pair.end()
        if not pair[3]:
            return found
        if pair[3] == ",":
            found.append("")


def _address(text: str) -> _Address | None:
    try:
        address: _Address = ipaddress.ip_address(text)
    except ValueError:
        found = _PORT.match(text)
        if found is None:
            return None
        try:
            address = ipaddress.ip_address(found[1] or found[2])
        except ValueError:
            return None
    # As a socket of both families names clients of IPv4.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _shown(address: _Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, _CLIENT_BITS), strict=False))
