"""Sockets and the servers on them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from ..errors import SettingsError
from ..settings import HttpSettings
from .certificates import Certificates, certificates_of
from .descriptors import MOST_WAITING, Descriptors
from .protocol import MAX_HEADER_BYTES, Refused, protocol_with_limits

_EVERY_ADDRESS = "::"
"""Every address of the machine, of both families; without IPv6 there are those of IPv4."""

_EVERY_IPV4 = "0.0.0.0"  # noqa: S104 - bound only where the settings say so


_OTHER_ADDRESS = "Choose an address of this machine, an IPv6 one without brackets, or `::` for all."


class Listener(uvicorn.Server):
    """One uvicorn server on one socket, without signal handlers of its own.

    Args:
        app: What answers.
        host: Address to bind.
        port: Port to bind, 0 for a free one.
        port_setting: Name of the port's setting, for the error when it is taken.
        http: Timeouts and the limit of connections.
        on_refused: Called for each request that is refused before an application sees it.
        waiting: Most connections that the kernel may hold before they are accepted.
        certificates: For TLS; None for plain HTTP.

    Raises:
        SettingsError: If the address cannot be bound.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        port_setting: str,
        http: HttpSettings,
        on_refused: Refused,
        waiting: int = MOST_WAITING,
        certificates: Certificates | None = None,
    ) -> None:
        self._scheme = "http" if certificates is None else "https"
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol_with_limits(http, on_refused),
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=math.ceil(http.keep_alive_s),
                backlog=waiting,
                ssl_context_factory=None if certificates is None else lambda _config, _default: certificates.context,
            )
        )
        self.socket = _bind(host, port, port_setting, waiting)

    @property
    def address(self) -> str:
        """Where it listens, as a URL."""
        host, port = self.socket.getsockname()[:2]
        # Every address of IPv6 is one of IPv4 too, see `_bind`.
        shown = "127.0.0.1" if host in {_EVERY_ADDRESS, _EVERY_IPV4} else f"[{host}]" if ":" in host else host
        return f"{self._scheme}://{shown}:{port}"

    async def run_until_stopped(self) -> None:
        """Serve until `stop`, then finish what is in flight."""
        await self.serve(sockets=[self.socket])

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Connections that wait in the kernel would be reset with the socket. The first turn of the loop polls, the
        # second accepts, the third makes them known.
        for _ in range(3):
            await asyncio.sleep(0)
        await super().shutdown(sockets)

    def stop(self) -> None:
        """Close the listener and let open requests finish."""
        self.should_exit = True

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process has two listeners and one order of shutting down; `process` handles the signals.
        yield


def open_listeners(
    api: ASGIApp, management: ASGIApp, http: HttpSettings, files: Descriptors, on_refused: Refused
) -> tuple[Listener, Listener]:
    """Bind both listeners, each with its own share of the files that the process may open.

    Args:
        api: What answers callers.
        management: What answers probes.
        http: Addresses and timeouts.
        files: The shares.
        on_refused: Called for each request that is refused before an application sees it.

    Raises:
        SettingsError: If an address cannot be bound, or the certificate cannot be used.
    """
    certificates = certificates_of(http)

    def listener(
        app: ASGIApp, host: str, port: int, port_setting: str, connections: int, tls: Certificates | None = None
    ) -> Listener:
        limited = http.model_copy(update={"max_connections": connections})
        return Listener(app, host, port, port_setting, limited, on_refused, files.waiting, tls)

    return (
        listener(api, http.host, http.port, "port", files.connections, certificates),
        listener(
            management, http.management_host, http.management_port, "managementPort", files.management_connections
        ),
    )


def _bind(host: str, port: int, port_setting: str, waiting: int) -> socket.socket:
    is_dual = host == _EVERY_ADDRESS and socket.has_dualstack_ipv6()
    if host == _EVERY_ADDRESS and not is_dual:
        host = _EVERY_IPV4
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"The address {host!r} cannot be used: {error.strerror}.", remedy=_OTHER_ADDRESS) from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_dual:
        # The system's own default may be either.
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listening.bind(address)
        listening.listen(waiting)
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"Port {port} on {host} cannot be bound: {error.strerror}.",
            remedy=_bind_remedy(error, port_setting),
        ) from None
    listening.setblocking(False)
    return listening


def _bind_remedy(error: OSError, port_setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Stop what listens there, or choose another {port_setting} (0 takes a free one)."
    if error.errno == errno.EACCES:
        return f"Choose a {port_setting} that this user may bind, such as one from 1024 on."
    return _OTHER_ADDRESS
