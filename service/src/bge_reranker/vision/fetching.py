"""Fetches pictures from addresses that callers name, which may be meant to reach what they cannot reach themselves.

A host is resolved once; every address that it has is judged, and the connection goes to one that was judged, so that a
second answer of the name server leads nowhere else. Each redirect is judged like the first address.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from ..errors import PictureUnavailable, RerankerError

_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_CHUNK_BYTES: Final = 65_536
_TRANSLATED: Final = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Networks of IPv6 that stand for addresses of IPv4, private ones too."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Gives all addresses of a host."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet at large."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


class PictureFetcher:
    """Fetches one picture at a time, from any thread.

    Args:
        max_bytes: Largest file.
        timeout_s: Longest time for one picture, redirects included.
        is_public: Whether public addresses alone may be reached, at their usual ports.
        resolver: Resolves hosts.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        max_bytes: int,
        timeout_s: float,
        *,
        is_public: bool,
        resolver: Resolve = resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._is_public = is_public
        self._resolve = resolver
        self._clock = clock
        self._tls = ssl.create_default_context()

    def fetch(self, url: str) -> bytes:
        """Fetch a picture.

        Raises:
            PictureUnavailable: If its address may not be reached, or does not answer with a file in time.
        """
        deadline = self._clock() + self._timeout_s
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                found = self._ask(url, deadline)
            except RerankerError:
                raise
            except (OSError, ValueError, http.client.HTTPException) as error:
                # Its message may tell what answers within this network.
                raise PictureUnavailable(
                    f"The picture cannot be fetched ({type(error).__name__}).",
                    remedy="Check its address, or send the picture itself.",
                ) from error
            if isinstance(found, bytes):
                return found
            if url.lower().startswith("https:") and not found.lower().startswith("https:"):
                raise PictureUnavailable("The picture's address redirects from https to another scheme.")
            url = found
        raise PictureUnavailable(
            f"The picture's address redirects more than {_MOST_REDIRECTS} times.", remedy="Send the final address."
        )

    def _ask(self, url: str, deadline: float) -> bytes | str:
        """Ask one address: the file, or where it redirects to."""
        parts = urlsplit(url)
        host, port = self._judged_host(parts)
        connection = self._connect(host, port, self._judged_address(host, port), parts.scheme, deadline)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"Accept": "image/*", "Accept-Encoding": "identity"})
            response = connection.getresponse()
            location = response.getheader("Location")
            if response.status in _REDIRECTS and location:
                return urljoin(url, location)
            if response.status != http.client.OK:
                raise PictureUnavailable(f"The picture's address answers with status {response.status}.")
            return self._content(connection, response, deadline)
        finally:
            connection.close()

    def _judged_host(self, parts: SplitResult) -> tuple[str, int]:
        usual = _PORTS.get(parts.scheme)
        if usual is None or not parts.hostname:
            raise PictureUnavailable("The picture's address is none of http or https with a host.")
        if parts.username is not None or parts.password is not None:
            raise PictureUnavailable("The picture's address holds a user or a password.", remedy="Leave it out.")
        port = parts.port or usual
        if self._is_public and port not in _PORTS.values():
            raise PictureUnavailable(f"The picture's address has port {port}; 80 and 443 are allowed.")
        return parts.hostname, port

    def _judged_address(self, host: str, port: int) -> str:
        found = self._resolve(host, port)
        if not found:
            raise PictureUnavailable("The host of the picture's address has no address.")
        # One private address among public ones is a trap, too.
        if self._is_public and not all(is_public(ip_address(address.partition("%")[0])) for address in found):
            raise PictureUnavailable(
                "The picture's address is not public, and this server reaches public ones alone.",
                remedy="Send the picture itself, or set pictures.fetchPictures to all.",
            )
        return found[0]

    def _connect(self, host: str, port: int, address: str, scheme: str, deadline: float) -> http.client.HTTPConnection:
        plain = socket.create_connection((address, port), timeout=self._remaining_s(deadline))
        connection = http.client.HTTPConnection(host, port)
        try:
            plain.settimeout(self._remaining_s(deadline))
            connection.sock = self._tls.wrap_socket(plain, server_hostname=host) if scheme == "https" else plain
        except BaseException:
            plain.close()
            raise
        if port == _PORTS[scheme]:
            connection.port = connection.default_port
        connection.sock.settimeout(self._remaining_s(deadline))
        return connection

    def _content(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, deadline: float
    ) -> bytes:
        content = bytearray()
        while True:
            if connection.sock is not None:
                connection.sock.settimeout(self._remaining_s(deadline))
            # `read1` returns with what has arrived: a sender of single bytes meets the deadline, not only the timeout.
            part = response.read1(_CHUNK_BYTES)
            self._remaining_s(deadline)
            if not part:
                return bytes(content)
            content += part
            if len(content) > self._max_bytes:
                raise PictureUnavailable(
                    f"The picture has more than {self._max_bytes} bytes, the limit (pictures.maxPictureBytes).",
                    remedy="Name a smaller one.",
                )

    def _remaining_s(self, deadline: float) -> float:
        remaining = deadline - self._clock()
        if remaining <= 0:
            raise PictureUnavailable(
                f"The picture took longer than {self._timeout_s:g} s to arrive, the limit (pictures.pictureTimeoutS).",
                remedy="Send the picture itself.",
            )
        return remaining
