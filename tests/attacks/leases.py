"""Leases that others wrote, with what the API server lets them leave out: the operator must take or keep its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reranker_operator.lease import LEASE_NAME, Lease
from tests.attacks.attack import Attack
from tests.reranker_operator.fakes import FakeLeases, FakeTime

MINE = "mine"

SPECS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "no spec": (None, "held by mine"),
    "an empty spec": ({}, "held by mine"),
    "a null holder": ({"holderIdentity": None}, "held by mine"),
    "ours without acquireTime": ({"holderIdentity": MINE}, "held by mine"),
    "ours with nulls": (
        {"holderIdentity": MINE, "leaseDurationSeconds": None, "leaseTransitions": None, "acquireTime": None},
        "held by mine",
    ),
    "another's with a holder alone": ({"holderIdentity": "other"}, "held by other"),
    "another's of no duration": ({"holderIdentity": "other", "leaseDurationSeconds": None}, "held by other"),
    "nobody's with as many turns as there can be": ({"leaseTransitions": 2**31 - 1}, "held by mine"),
}


def outcome_of(spec: dict[str, Any] | None) -> str:
    """Who holds it after one try."""

    async def tried() -> str:
        leases = FakeLeases()
        lease = Lease(leases, "search", LEASE_NAME, MINE, 15, FakeTime())
        await lease._try()
        next(iter(leases.leases.values()))["spec"] = spec
        await lease._try()
        (after,) = leases.leases.values()
        assert int((after["spec"] or {}).get("leaseTransitions") or 0) < 2**31, "the API server takes no more"
        return f"held by {await lease._holder()}"

    return asyncio.run(tried())


def launched(spec: dict[str, Any] | None) -> Callable[[Path], str]:
    return lambda _: outcome_of(spec)


ROWS = tuple(Attack("Lease", name, launched(spec), outcome) for name, (spec, outcome) in SPECS.items())
