"""Fetches pictures from addresses that callers name, which may be meant to reach what they cannot reach themselves.

A host is resolved once; every address that it has is judged, and the connection goes to one that was judged, so that a
second answer of the name server leads nowhere else. Each redirect is judged like the first address.
"""

from __future__ import annotations

import http.client
import math
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from ..errors import PictureUnavailable, RerankerError
from .deadline_socket import DeadlineSocket
from .public_addresses import is_public

_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_CHUNK_BYTES: Final = 65_536
_HEADERS: Final = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "bge-reranker"}
"""Of each request; some servers refuse whoever does not say its name."""
_TARGET_CHARACTERS: Final = "!#$%&'()*+,/:;=?@[]~"
"""What stays as it is in paths and queries; the rest is written as percents."""

_RESOLVED_AT_ONCE: Final = 64
"""Hosts; threads that wait for a name server that is away are kept by it for longer than the pictures have."""

Resolve = Callable[[str, int], Sequence[str]]
"""Gives all addresses of a host."""

Connect = Callable[[tuple[str, int], float], socket.socket]
"""Connects to an address and a port within so many seconds."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class PictureFetcher:
    """Fetches one picture at a time, from any thread.

    Args:
        max_bytes: Largest file.
        timeout_s: Longest time for one picture, redirects included.
        is_public_only: Whether public addresses alone may be reached, at their usual ports.
        resolver: Resolves hosts.
        connect: Connects to an address that was judged.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        max_bytes: int,
        timeout_s: float,
        *,
        is_public_only: bool,
        resolver: Resolve = resolve,
        connect: Connect = socket.create_connection,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._is_public_only = is_public_only
        self._resolve = resolver
        self._open = connect
        self._clock = clock
        self._tls = ssl.create_default_context()
        self._resolving = ThreadPoolExecutor(_RESOLVED_AT_ONCE, "resolve-picture")

    def fetch(self, url: str, timeout_s: float = math.inf) -> bytes:
        """Fetch a picture.

        Args:
            url: Its address.
            timeout_s: Longest time for it, where that is less than the limit for every one.

        Raises:
            PictureUnavailable: If its address may not be reached, or does not answer with a file in time.
        """
        deadline = self._clock() + min(timeout_s, self._timeout_s)
        try:
            return self._followed(url, deadline)
        except TimeoutError as error:
            raise self._too_late(timeout_s) from error

    def _followed(self, url: str, deadline: float) -> bytes:
        """The file at an address, or at the one where its redirects lead to."""
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                found = self._ask(url, deadline)
            except RerankerError:
                raise
            except TimeoutError:
                raise
            except (OSError, http.client.HTTPException) as error:
                # Its message may tell what answers within this network.
                raise PictureUnavailable(
                    f"The picture cannot be fetched ({type(error).__name__}).",
                    remedy="Check its address, or send the picture itself.",
                ) from error
            except ValueError as error:
                raise PictureUnavailable(
                    "The picture's address is malformed: its host, its port or its encoding cannot be read.",
                    remedy="Correct it, or send the picture itself.",
                ) from error
            if isinstance(found, bytes):
                return found
            if url.lower().startswith("https:") and not found.lower().startswith("https:"):
                raise PictureUnavailable(
                    "The picture's address redirects from https to another scheme.", remedy="Send the final address."
                )
            url = found
        raise PictureUnavailable(
            f"The picture's address redirects more than {_MOST_REDIRECTS} times.", remedy="Send the final address."
        )

    def _ask(self, url: str, deadline: float) -> bytes | str:
        """Ask one address: the file, or where it redirects to."""
        parts = urlsplit(url)
        host, port = self._judged_host(parts)
        address = self._judged_address(host, port, deadline)
        with closing(self._connect(host, port, address, parts.scheme, deadline)) as connected:
            connection = http.client.HTTPConnection(host, port)
            connection.default_port = _PORTS[parts.scheme]
            # It asks for no more of a socket than this has.
            carrier: Any = DeadlineSocket(connected, partial(self._remaining_s, deadline))
            connection.sock = carrier
            return self._answer(connection, url, parts)

    def _answer(self, connection: http.client.HTTPConnection, url: str, parts: SplitResult) -> bytes | str:
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_TARGET_CHARACTERS)
        connection.request("GET", target, headers=_HEADERS)
        response = connection.getresponse()
        location = response.getheader("Location")
        if response.status in _REDIRECTS and location:
            return urljoin(url, location)
        if response.status != http.client.OK:
            raise PictureUnavailable(
                f"The picture's address answers with status {response.status}.",
                remedy="Check the address, or send the picture itself.",
            )
        return self._content(response)

    def _judged_host(self, parts: SplitResult) -> tuple[str, int]:
        usual = _PORTS.get(parts.scheme)
        if usual is None or not parts.hostname:
            raise PictureUnavailable(
                "The picture's address is none of http or https with a host.", remedy="Send the picture itself."
            )
        if parts.username is not None or parts.password is not None:
            raise PictureUnavailable("The picture's address holds a user or a password.", remedy="Leave it out.")
        port = parts.port or usual
        if self._is_public_only and port not in _PORTS.values():
            raise PictureUnavailable(
                f"The picture's address has port {port}; 80 and 443 are allowed.", remedy="Send the picture itself."
            )
        return parts.hostname, port

    def _judged_address(self, host: str, port: int, deadline: float) -> str:
        # The system's resolver takes no deadline; who waits for it has one.
        found = self._resolving.submit(self._resolve, host, port).result(self._remaining_s(deadline))
        if not found:
            raise PictureUnavailable(
                "The host of the picture's address has no address.", remedy="Check it, or send the picture itself."
            )
        # One private address among public ones is a trap, too.
        if self._is_public_only and not all(is_public(ip_address(address.partition("%")[0])) for address in found):
            raise PictureUnavailable(
                "The picture's address is not public, and this server fetches from public ones alone.",
                remedy="Send the picture itself, or set pictures.fetchPictures to all.",
            )
        return found[0]

    def _connect(self, host: str, port: int, address: str, scheme: str, deadline: float) -> socket.socket:
        connected = self._open((address, port), self._remaining_s(deadline))
        try:
            connected.settimeout(self._remaining_s(deadline))
            return self._tls.wrap_socket(connected, server_hostname=host) if scheme == "https" else connected
        except BaseException:
            connected.close()
            raise

    def _content(self, response: http.client.HTTPResponse) -> bytes:
        content = bytearray()
        while part := response.read1(_CHUNK_BYTES):
            content += part
            if len(content) > self._max_bytes:
                raise PictureUnavailable(
                    f"The picture has more than {self._max_bytes} bytes, the limit (pictures.maxPictureBytes).",
                    remedy="Name a smaller one.",
                )
        if response.length:
            raise PictureUnavailable(
                "The picture's address sent less than it announced.", remedy="Try again, or send the picture itself."
            )
        return bytes(content)

    def _remaining_s(self, deadline: float) -> float:
        remaining = deadline - self._clock()
        if remaining <= 0:
            raise TimeoutError
        return remaining

    def _too_late(self, timeout_s: float) -> PictureUnavailable:
        if timeout_s < self._timeout_s:
            what = f"{timeout_s:.2g} s to arrive, its share of the request's time"
        else:
            what = f"{self._timeout_s:g} s to arrive, the limit (pictures.pictureTimeoutS)"
        return PictureUnavailable(f"The picture took longer than {what}.", remedy="Send the picture itself.")
