"""Ports: whether the listeners can be opened, or this very server has them already."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import httpx2

from ..finding import Finding, green, red
from ..subject import Subject

_TIMEOUT_S = 2.0


def look(subject: Subject) -> Iterator[Finding]:
    """Try to open both."""
    http = subject.settings.http
    for name, host, port in (
        ("port", http.host, http.port),
        ("management port", http.management_host, http.management_port),
    ):
        yield judge(name, host, port, _problem(host, port))


def judge(name: str, host: str, port: int, problem: OSError | None) -> Finding:
    """Judge by why a port cannot be opened, if it cannot."""
    where = f"{host} port {port}"
    if port == 0:
        return green(name, "any that is free")
    if problem is None:
        return green(name, f"{where} is free")
    if problem.errno == errno.EADDRINUSE and _is_ours(host, port):
        return green(name, f"{where} is this server's, which runs")
    if problem.errno == errno.EADDRINUSE:
        return red(name, f"{where} is taken by another program", "End it, or set another port.")
    if problem.errno == errno.EACCES:
        return red(name, f"{where} may not be opened by this user", "Set a port above 1023.")
    return red(name, f"{where} cannot be opened: {problem.strerror or problem}", "Set an address of this machine.")


def _problem(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            # As the server does: connections of a former one that are not over yet are no obstacle.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
    except OSError as error:
        return error
    return None


def _is_ours(host: str, port: int) -> bool:
    here = {"::": "[::1]", "0.0.0.0": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - read, not opened
    try:
        answer = httpx2.get(f"http://{here}:{port}/info", timeout=_TIMEOUT_S, trust_env=False)
        return bool(answer.json().get("name") == "bge-reranker")
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, AttributeError):
        return False
