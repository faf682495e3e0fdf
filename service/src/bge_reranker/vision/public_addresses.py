"""Which addresses belong to the internet at large."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

_GLOBAL_UNICAST: Final = ip_network("2000::/3")
"""All that IANA has given out of IPv6 for the internet at large."""

_TRANSLATED: Final = tuple(map(ip_network, ("2002::/16", "2001::/32")))
"""Networks in it that stand for addresses of IPv4, private ones too: 6to4 and Teredo."""

_DOCUMENTATION: Final = ip_network("3fff::/20")
"""Of RFC 9637, which Python knows from 3.13 on."""

_KEPT: Final = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
"""Networks of IPv4 that some versions of Python, or all, take for the internet's: of protocols, with a metadata service
of some clouds; relays of 6to4; and Azure's platform."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet, not of this machine, this network or a translation of one."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not any(address in network for network in _KEPT)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    is_given_out = address in _GLOBAL_UNICAST and address.is_global
    return is_given_out and not any(address in network for network in (*_TRANSLATED, _DOCUMENTATION))
