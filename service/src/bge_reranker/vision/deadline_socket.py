"""A connection whose every read and write ends at one moment, however slowly the other side sends."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable

from typing_extensions import Buffer, override


class DeadlineSocket:
    """As much of a socket as `http.client` asks for.

    Args:
        connected: What carries the bytes; whoever opened it closes it.
        remaining_s: Gives the seconds that are left, or raises.
    """

    def __init__(self, connected: socket.socket, remaining_s: Callable[[], float]) -> None:
        self._connected = connected
        self._remaining_s = remaining_s

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What answers are read from."""
        return io.BufferedReader(_Reader(self._connected, self._remaining_s))

    def sendall(self, content: Buffer) -> None:
        """Send everything."""
        self._connected.settimeout(self._remaining_s())
        self._connected.sendall(content)

    def close(self) -> None:
        """Nothing: `http.client` calls it when an answer has begun whose rest is still to be read."""


class _Reader(io.RawIOBase):
    """Asks before each read how long it may take: a timeout of the socket would start anew with each byte."""

    def __init__(self, connected: socket.socket, remaining_s: Callable[[], float]) -> None:
        self._connected = connected
        self._remaining_s = remaining_s

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        """Read what has arrived."""
        self._connected.settimeout(self._remaining_s())
        return self._connected.recv_into(buffer)
