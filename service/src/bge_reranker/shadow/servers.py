"""The shadow's server, as the feeder sees it: whether it is there, and how it scores."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx2
import numpy as np
from numpy.typing import NDArray

from ..peers.asking import PeerSilent, ask, peer_client
from ..peers.reference import logits_of, most_answer_bytes
from ..peers.service import Peers
from .sample import Sample

ANSWER_S = 30.0
"""Longest wait for one answer: a version that needs longer is too slow to be compared."""

_TOTAL = re.compile(r"total;dur=([0-9]+(?:\.[0-9]+)?)")
"""In the header Server-Timing, in milliseconds."""


@dataclass(frozen=True, slots=True)
class ShadowServer:
    """One that is ready."""

    address: str
    """As a URL has it."""
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """How it scored one request."""

    logits: NDArray[np.float64]
    seconds: float
    """From its headers to its answer, as the server says."""


class ShadowServers(Protocol):
    """Finds the shadow's server, and asks it. For one thread."""

    def find(self) -> ShadowServer | None:
        """One that is ready; None where there is none."""
        ...

    def score(self, server: ShadowServer, sample: Sample) -> Reply:
        """Have it score what a caller asked.

        Raises:
            PeerSilent: If there is no whole answer in time.
            PeerRefused: If it will not answer, or serves another version meanwhile.
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class HttpShadowServers:
    """Servers behind a host name, by the ordinary API.

    Args:
        peers: Finds those that are ready.
        port: Of their APIs.
        token: Key that servers of one release accept from each other; None where everybody may call.
        certificates: File with the certificate that they all have; None where their APIs speak plain HTTP.
        clock: Seconds, monotonic.
        limit_s: Longest wait for one answer.
    """

    def __init__(
        self,
        peers: Peers,
        port: int,
        token: str | None,
        certificates: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        limit_s: float = ANSWER_S,
    ) -> None:
        self._peers = peers
        self._port = port
        self._certificates = certificates
        self._clock = clock
        self._limit_s = limit_s
        self._scheme = "http" if certificates is None else "https"
        self._headers = {
            "X-Rerank-Dialect": "native",
            "Content-Type": "application/json",
            "X-Request-Deadline-Ms": str(int(limit_s * 1000)),
            # What is measured is the version, and neither of its answers is wanted twice.
            "Cache-Control": "no-store",
        }
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._client: httpx2.Client | None = None

    def find(self) -> ShadowServer | None:
        """The first that is ready; connections of before are closed."""
        self.close()
        ready = self._peers.ready()
        return ShadowServer(ready[0].address, ready[0].info.model.digest) if ready else None

    def score(self, server: ShadowServer, sample: Sample) -> Reply:
        """Have it score what a caller asked.

        Raises:
            PeerSilent: If there is no whole answer in time.
            PeerRefused: If it will not answer, or serves another version meanwhile.
        """
        began, documents = self._clock(), sample.request.documents
        answer = ask(
            self._connected(),
            "POST",
            f"{self._scheme}://{server.address}:{self._port}/rerank",
            limit_s=self._limit_s,
            max_bytes=most_answer_bytes(documents),
            content=sample.body(),
            headers=self._headers,
            clock=self._clock,
        )
        took_s = self._clock() - began
        logits = logits_of(answer, len(documents), server.digest)
        said = _TOTAL.search(answer.headers.get("server-timing", ""))
        return Reply(logits, float(said[1]) / 1000 if said else took_s)

    def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> httpx2.Client:
        if self._client is None:
            try:
                self._client = peer_client(self._certificates)
            except OSError as error:
                # Certificates are exchanged while servers run: half of a pair is a matter of a second.
                raise PeerSilent(f"the certificate cannot be read ({type(error).__name__})") from error
        return self._client
