"""Ports: whether the listeners can be opened, or a server of the same model has them already."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2

from ...errors import RerankerError
from ..finding import Finding, green, red
from ..subject import Subject

_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Holder:
    """A server of ours that has a port already."""

    model: str | None
    """Name of what it serves; None while it loads."""


def look(subject: Subject) -> Iterator[Finding]:
    """Try to open both."""
    http, model = subject.settings.http, subject.model
    wanted = None if isinstance(model, RerankerError) else model.name
    for name, scheme, host, port in (
        ("port", "https" if http.tls_cert_file else "http", http.host, http.port),
        ("management port", "http", http.management_host, http.management_port),
    ):
        problem = _problem(host, port)
        is_taken = problem is not None and problem.errno == errno.EADDRINUSE
        yield judge(
            name,
            f"{host} port {port}" if port else "",
            problem,
            _holder(scheme, host, port) if is_taken else None,
            wanted,
        )


def judge(name: str, where: str, problem: OSError | None, holder: Holder | None, wanted: str | None) -> Finding:
    """Judge by why a port cannot be opened, if it cannot.

    Args:
        name: Of the listener.
        where: Address and port; empty for any that is free.
        problem: Of opening it.
        holder: Who has it, if that is a server of ours.
        wanted: Name of the model that the settings name; None where it is not here.
    """
    if not where:
        return green(name, "any that is free")
    if problem is None:
        return green(name, f"{where} is free")
    if holder is not None and holder.model in {wanted, None}:
        return green(name, f"{where} is this server's, which runs")
    if holder is not None:
        return red(
            name, f"{where} is taken by a bge-reranker that serves {holder.model}", "End it, or set another port."
        )
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


def _holder(scheme: str, host: str, port: int) -> Holder | None:
    here = {"::": "[::1]", "0.0.0.0": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - read, not opened
    try:
        answer = httpx2.get(f"{scheme}://{here}:{port}/info", timeout=_TIMEOUT_S, trust_env=False, verify=False)
        said = answer.json()
        if said.get("name") != "bge-reranker":
            return None
        return Holder(said["model"]["name"] if "model" in said else None)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, AttributeError, KeyError, TypeError):
        return None
