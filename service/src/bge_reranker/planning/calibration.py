"""A load test turned into the figures of a replica: those with which the simulation gives what was measured."""

from __future__ import annotations

from dataclasses import replace

from .capacity import ReplicaCapacity
from .figures import of_info
from .load_report import LoadReport, LoadStep
from .simulation import Served, Setup, poisson, serve, serve_clients
from .sizes import RequestSizes

_REQUESTS = 1_000
_ROUNDS = 3
_FULL_SHARE = 0.95
"""Part of the requests sent in a second below which those answered in a second are all that the server can do."""


def calibrated(report: LoadReport, place: str) -> ReplicaCapacity:
    """Find the figures of a replica.

    The rate is that with which the simulation computes as many tokens as the busiest step did; what a request takes
    besides its batches is what the lightest load's median is longer than the simulation's. Of several loads the
    lightest is never the busiest step: one client may be served as many tokens a second as sixteen, by chance, yet
    leaves the server idle between its requests.

    Args:
        report: Of a load test.
        place: Where it is from.
    """
    lightest, *heavier = sorted(report.steps, key=lambda step: step.step.clients or step.step.rate or 0.0)
    busiest = max(heavier or [lightest], key=lambda step: step.tokens_per_second)
    capacity = _first(report, busiest, place)
    sizes = RequestSizes.among(report.sizes)
    for _ in range(_ROUNDS):
        if _is_full(busiest):
            again = replay(capacity, sizes, busiest)
            rate = capacity.tokens_per_second * busiest.tokens_per_second / (again.tokens / again.seconds)
            capacity = replace(capacity, tokens_per_second=rate)
        light = replay(replace(capacity, request_s=0.0), sizes, lightest)
        request_s = max(0.0, (lightest.p50_ms or 0.0) - light.percentile_ms(50)) / 1000
        capacity = replace(capacity, request_s=request_s)
    return replace(capacity, doubts=_doubts(busiest))


def replay(capacity: ReplicaCapacity, sizes: RequestSizes, step: LoadStep) -> Served:
    """Simulate a step of a load test.

    Args:
        capacity: Of the replica.
        sizes: Of the requests.
        step: The load.
    """
    setup = Setup(capacity)
    if step.step.clients:
        return serve_clients(setup, sizes, step.step.clients, _REQUESTS)
    requests = min(step.requests, _REQUESTS)
    return serve(setup, poisson(sizes, step.step.rate or 1.0, requests, setup.seed), settling=0.0)


def _first(report: LoadReport, busiest: LoadStep, place: str) -> ReplicaCapacity:
    """The server's own words, with the rate that was measured."""
    said = {"capacity": {}, **report.server}
    said["capacity"] = {"tokens_per_second": busiest.tokens_per_second} | {
        key: value for key, value in said["capacity"].items() if key == "batch_s"
    }
    return of_info(said, place, 0.0)


def _is_full(step: LoadStep) -> bool:
    """Whether the server did all that it can: clients waited for it, or more was sent than it answered."""
    return step.step.clients is not None or step.answered_per_second < _FULL_SHARE * step.sent_per_second


def _doubts(busiest: LoadStep) -> tuple[str, ...]:
    if _is_full(busiest):
        return ()
    doubt = (
        f"The load test's heaviest load, {busiest.load}, was answered in full: the server can do more than was "
        "measured. Load it with `--rate auto`, or with more `--clients`."
    )
    return (doubt,)
