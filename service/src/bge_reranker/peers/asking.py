"""One question to another server, bounded in time and in bytes."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

_TURN_S = 2.0
"""Longest wait for a connection or the next bytes, so that a total limit is looked at in time."""


class PeerSilent(Exception):
    """A server did not answer, not in time, or with more than is read; the message says which, and holds no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def ask(
    client: httpx2.Client,
    method: str,
    url: str,
    *,
    limit_s: float,
    max_bytes: int,
    json: Any = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Ask, and read the whole answer.

    Args:
        client: With which to ask; from `peer_client`.
        method: Of HTTP.
        url: Where.
        limit_s: Seconds for everything.
        max_bytes: Most that is read of the body.
        json: Body of the question.
        content: The same, already written.
        headers: Headers of the question.
        clock: Seconds, monotonic.

    Raises:
        PeerSilent: If there is no whole answer in time.
    """
    deadline = clock() + limit_s
    timeout = httpx2.Timeout(min(_TURN_S, limit_s), read=limit_s)
    try:
        with client.stream(
            method, url, json=json, content=content, headers=dict(headers or {}), timeout=timeout
        ) as response:
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > max_bytes:
                    raise PeerSilent(f"its answer has more than {max_bytes} bytes")
                if clock() > deadline:
                    raise PeerSilent(f"its answer took longer than {limit_s:g} s")
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, found, bytes(body))
    except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
        raise PeerSilent(f"it did not answer ({type(error).__name__})") from error


def peer_client(certificates: Path | None = None) -> httpx2.Client:
    """A client for servers of the same service, which no proxy is in front of.

    Args:
        certificates: File with the certificate that all of them have, where they speak TLS. They are asked by address,
            which stands in no certificate: one is known by being the same, or signed by the same issuer in that file.

    Raises:
        OSError: If the file cannot be read, or holds no certificate.
    """
    # No compression: a small answer could become a large one.
    options: dict[str, Any] = {"headers": {"Accept-Encoding": "identity"}}
    if certificates is not None:
        context = ssl.create_default_context(cafile=str(certificates))
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        options["verify"] = context
    return httpx2.Client(trust_env=False, follow_redirects=False, **options)
