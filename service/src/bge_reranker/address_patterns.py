"""Patterns of hosts, ports and networks, in RE2's dialect, which the service, Helm and the API server share."""

from __future__ import annotations

from typing import Final

PORT: Final = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5]?[0-9]{1,4})"
"""The number of a TCP port."""

_BYTE: Final = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_GROUP: Final = "[0-9a-fA-F]{1,4}"

IPV4: Final = f"({_BYTE}[.]){{3}}{_BYTE}"
"""An address of IPv4."""

IPV6: Final = "|".join(
    [
        f"({_GROUP}:){{7}}{_GROUP}",
        *(f"({_GROUP}:){{{before}}}(:{_GROUP}){{1,{7 - before}}}" for before in range(1, 7)),
        f":(:{_GROUP}){{1,7}}",
        f"({_GROUP}:){{1,7}}:",
        "::",
    ]
)
"""Alternatives that make an address of IPv6, without one of IPv4 in it."""

IPV4_BITS: Final = "(3[0-2]|[12]?[0-9])"
"""Length of a prefix of IPv4."""

IPV6_BITS: Final = "(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
"""Length of a prefix of IPv6."""

NETWORK: Final = f"({IPV4}(/{IPV4_BITS})?|({IPV6})(/{IPV6_BITS})?)"
"""A network, or one address."""

HOST_AND_PORT: Final = rf"([A-Za-z0-9._-]+|\[({IPV6})\])(:({PORT})?)?"
"""A host or an address of IPv6 in brackets, and perhaps a port."""

USER: Final = "([A-Za-z0-9._~!$&'()*+,;=:%-]*@)?"
"""Who asks, before a host (RFC 3986, 3.2.1)."""
