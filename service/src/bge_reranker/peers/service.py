"""The other servers of one service: who is ready and what each serves, and how one of them ranks."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from .asking import PeerSilent, ask, peer_client
from .discovery import Resolve, addresses
from .info import PeerInfo, read_info
from .patience import results_within
from .reference import Logits, PeerRefused, Question, reference_logits

_RESOLVE_S = 12.0
"""Longest wait for the resolver, whose own tries take 5 s each: a packet that is lost is no answer."""

_INFO_S = 3.0
"""Enough for a server whose processor is busy."""

_MAX_INFO_BYTES = 256 * 1024
"""Most that is read of such an answer; ours have 3 kB."""

_GRACE_S = 2.0
"""For a call that looks at its limit between two waits."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that is ready."""

    address: str
    """As a URL has it."""
    info: PeerInfo


class Peers(Protocol):
    """The other servers."""

    def ready(self) -> Sequence[Peer]:
        """Those that are ready now."""
        ...

    def logits(self, peer: Peer, questions: Sequence[Question], limit_s: float) -> Logits:
        """How one of them ranks.

        Raises:
            PeerSilent: If there is no whole answer in time.
            PeerRefused: If there will be none, or it is not of the version that the server said it serves.
        """
        ...


class ServicePeers:
    """The servers behind one host name, all on the same two ports.

    Args:
        hosts: Names or addresses, separated by commas; empty for a server alone.
        port: Of their APIs.
        management_port: Where they describe themselves.
        token: Key that they accept from each other; None where everybody may call.
        resolve: Asks the system's resolver.
        clock: Seconds, monotonic.
        certificates: File with the certificate that they all have; None where their APIs speak plain HTTP.
        info_s: Longest wait for what servers say of themselves; all are asked at once.
        grace_s: Time beyond its limit after which a call is not waited for any more.
    """

    def __init__(
        self,
        hosts: str,
        port: int,
        management_port: int,
        token: str | None,
        resolve: Resolve = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
        certificates: Path | None = None,
        info_s: float = _INFO_S,
        grace_s: float = _GRACE_S,
    ) -> None:
        self._hosts = hosts
        self._port = port
        self._management_port = management_port
        self._token = token
        self._resolve = resolve
        self._clock = clock
        self._certificates = certificates
        self._info_s = info_s
        self._grace_s = grace_s

    def ready(self) -> Sequence[Peer]:
        """Ask all of them; who does not answer in time is not ready."""
        found = addresses(self._hosts, _RESOLVE_S, self._resolve)
        answers = results_within(self._info_s + self._grace_s, [partial(self._peer, address) for address in found])
        ready = [peer for peer in answers if peer is not None]
        return sorted(ready, key=lambda peer: peer.address)

    def logits(self, peer: Peer, questions: Sequence[Question], limit_s: float) -> Logits:
        """Have one of them rank.

        Raises:
            PeerSilent: If there is no whole answer in time.
            PeerRefused: If there will be none, or it is not of the version that the server said it serves.
        """
        (outcome,) = results_within(limit_s + self._grace_s, [partial(self._outcome, peer, questions, limit_s)]) or [
            PeerSilent("it did not answer everything in time")
        ]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _outcome(self, peer: Peer, questions: Sequence[Question], limit_s: float) -> Logits | PeerSilent | PeerRefused:
        scheme = "http" if self._certificates is None else "https"
        try:
            with peer_client(self._certificates) as client:
                return reference_logits(
                    client,
                    f"{scheme}://{peer.address}:{self._port}",
                    questions,
                    token=self._token,
                    digest=peer.info.model.digest,
                    deadline=self._clock() + limit_s,
                    clock=self._clock,
                )
        except (PeerSilent, PeerRefused) as error:
            return error
        except OSError as error:
            # Certificates are exchanged while servers run: half of a pair is a matter of a second.
            return PeerSilent(f"the certificate cannot be read ({type(error).__name__})")

    def _peer(self, address: str) -> Peer | None:
        url = f"http://{address}:{self._management_port}/info"
        try:
            with peer_client() as client:
                answer = ask(client, "GET", url, limit_s=self._info_s, max_bytes=_MAX_INFO_BYTES, clock=self._clock)
        except PeerSilent:
            return None
        info = read_info(answer.body) if answer.status == HTTPStatus.OK else None
        return Peer(address, info) if info is not None and info.ready else None
