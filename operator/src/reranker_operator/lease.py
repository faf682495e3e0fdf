"""One Lease to a watch scope: who works, who waits, and which namespaces another operator serves.

Another holder's life is judged by changes that we see, never by comparing clocks.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .cluster import Requests, collection
from .errors import ClusterUnavailable, Contended, KindNotInstalled, OperatorError
from .kinds import LEASE
from .settings import LONGEST_LEASE_S

LOG = logging.getLogger(__name__)

LEASE_NAME = "bge-reranker-operator"
"""Of a namespace's Lease; a cluster-wide operator's has a suffix."""

CLUSTER_LEASE_NAME = f"{LEASE_NAME}-cluster"

UNSAID_DURATION_S = 15.0
"""For which a Lease is live that does not say it itself; every field of a Lease may be missing."""

MAX_TURNS = 2**31 - 1
"""Most turns that a Lease counts; the API server refuses a larger number, so that nobody could ever take it over."""


class LeaseLost(Exception):
    """Another operator works now, or ours could not be renewed in time."""


@dataclass
class _Sight:
    """A Lease as last seen, and since when it looks so."""

    renewed: str
    since_s: float


class LeaseWatcher:
    """Judges whether Leases are alive: they are until they have not changed for their whole duration, or the longest.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sights: dict[str, _Sight] = {}

    def is_live(self, lease: Mapping[str, Any]) -> bool:
        """Whether its holder may still be at work."""
        spec = _spec_of(lease)
        if not spec.get("holderIdentity"):
            return False
        name = f"{lease['metadata']['namespace']}/{lease['metadata']['name']}"
        mark = f"{spec['holderIdentity']} {spec.get('renewTime')}"
        claimed_s = float(spec.get("leaseDurationSeconds") or UNSAID_DURATION_S)
        sight = self._sights.get(name)
        if sight is None or sight.renewed != mark:
            sight = self._sights[name] = _Sight(mark, self._now())
            if claimed_s > LONGEST_LEASE_S:
                figures = {"lease": name, "claimed_s": claimed_s, "waits_s": LONGEST_LEASE_S}
                LOG.warning("lease_duration_not_believed", extra={**figures, "holder": spec["holderIdentity"]})
        return self._now() - sight.since_s < min(claimed_s, LONGEST_LEASE_S)


class Lease:
    """Our Lease.

    Args:
        requests: Where to.
        namespace: Where it lies.
        name: What it is called.
        identity: Who we are.
        duration_s: Time without renewal after which it may be taken over.
        now: Monotonic seconds.
    """

    def __init__(
        self, requests: Requests, namespace: str, name: str, identity: str, duration_s: float, now: Callable[[], float]
    ) -> None:
        self._requests = requests
        self._path = f"{collection(LEASE, namespace)}/{name}"
        self._collection = collection(LEASE, namespace)
        self._metadata = {"namespace": namespace, "name": name}
        self._name = f"{namespace}/{name}"
        self._identity = identity
        self._duration_s = duration_s
        self._now = now
        self._watcher = LeaseWatcher(now)

    async def acquire(self) -> None:
        """Wait until it is ours, saying whose it is meanwhile."""
        logged = ""
        while not await self._try():
            holder = await self._holder()
            if holder != logged:
                LOG.info("waiting_for_lease", extra={"holder": holder, "lease": self._name})
                logged = holder
            await asyncio.sleep(self._duration_s / 5)
        LOG.info("lease_acquired", extra={"identity": self._identity, "lease": self._name})

    async def keep(self) -> None:
        """Renew until it is lost.

        Raises:
            LeaseLost: The process must end: another one may begin.
        """
        renewed_at = self._now()
        while True:
            await asyncio.sleep(self._duration_s / 5)
            try:
                # An answer that never comes must leave time for another try, and for the end before another begins.
                async with asyncio.timeout(self._duration_s / 4):
                    is_ours = await self._try()
                if not is_ours:
                    raise LeaseLost(f"The Lease {self._name} is another's now.")
                renewed_at = self._now()
            except TimeoutError:
                LOG.warning("lease_not_renewed", extra={"error": "The API server did not answer in time."})
            except OperatorError as error:
                # A right that was taken away may come back in time.
                LOG.warning("lease_not_renewed", extra={"error": error.sentence()})
            # Before anybody else may take it.
            if self._now() - renewed_at > self._duration_s * 2 / 3:
                raise LeaseLost(f"The Lease {self._name} could not be renewed in time.")

    async def release(self) -> None:
        """Let a successor begin at once."""
        lease = await self._read()
        if lease is not None and _spec_of(lease).get("holderIdentity") == self._identity:
            lease["spec"]["holderIdentity"] = ""
            await self._requests.request("put", self._path, body=lease)

    async def _try(self) -> bool:
        """Take or renew it; False while it is another's."""
        lease = await self._read()
        try:
            if lease is None:
                body = {
                    "apiVersion": LEASE.api_version,
                    "kind": LEASE.name,
                    "metadata": self._metadata,
                    "spec": self._spec(0),
                }
                await self._requests.request("post", self._collection, body=body)
                return True
            spec = _spec_of(lease)
            is_ours = spec.get("holderIdentity") == self._identity
            if not is_ours and self._watcher.is_live(lease):
                return False
            turns = min(int(spec.get("leaseTransitions") or 0) + (not is_ours), MAX_TURNS)
            kept = {"acquireTime": spec["acquireTime"]} if is_ours and spec.get("acquireTime") else {}
            lease["spec"] = {**self._spec(turns), **kept}
            # With the resource version that was read: of two that try, one is refused.
            await self._requests.request("put", self._path, body=lease)
        except Contended:
            return False
        return True

    async def _read(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = await self._requests.request("get", self._path)
        except KindNotInstalled:
            return None
        return found

    async def _holder(self) -> str:
        lease = await self._read()
        return str(_spec_of(lease or {}).get("holderIdentity") or "")

    def _spec(self, turns: int) -> dict[str, Any]:
        now = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._duration_s)),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": turns,
        }


def _spec_of(lease: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a Lease says; the API server keeps one without a spec."""
    spec: Mapping[str, Any] = lease.get("spec") or {}
    return spec


class ServedElsewhere:
    """For a cluster-wide operator: which namespaces have a live Lease of their own.

    Args:
        requests: Where to ask.
        now: Monotonic seconds.
    """

    def __init__(self, requests: Requests, now: Callable[[], float]) -> None:
        self._requests = requests
        self._watcher = LeaseWatcher(now)
        self.namespaces: frozenset[str] = frozenset()

    async def look(self) -> None:
        """Read all Leases of our name; the view of before stays while the API server is away."""
        try:
            found = await self._requests.request("get", collection(LEASE), field_selector=f"metadata.name={LEASE_NAME}")
        except ClusterUnavailable:
            return
        except OperatorError as error:
            LOG.warning("leases_not_read", extra={"error": error.sentence()})
            return
        self.namespaces = frozenset(
            lease["metadata"]["namespace"] for lease in found["items"] if self._watcher.is_live(lease)
        )
