"""Requests on their way to replicas and back, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ..engine.reservations import Asked
from ..engine.ticket import Outcome
from ..errors import CapacityError
from .balancing import Balancer, choice_of
from .calendar import Calendar
from .capacity import ReplicaCapacity
from .replica import Replica
from .sizes import RequestSizes, pair_of

_SETTLING = 0.1
"""Part of the requests, the first ones, that do not count: they find idle replicas."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that is to come.

    Attributes:
        at: When.
        lengths: Tokens of each of its pairs.
    """

    at: float
    lengths: Sequence[int]


@dataclass(slots=True)
class Served:
    """What became of the requests that count.

    Attributes:
        latencies_s: Of the answered ones, in order of their arrivals' numbers where `numbers` has them.
        documents: Of the answered ones.
        refused: Not answered, or too late.
        tokens: Of the answered ones.
        seconds: From the first counted arrival to the last end.
        busy: Part of the time that replicas computed.
    """

    latencies_s: list[float] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    refused: int = 0
    tokens: int = 0
    seconds: float = 0.0
    busy: float = 0.0

    @property
    def answered_share(self) -> float:
        """Part of the requests that were answered."""
        asked = len(self.latencies_s) + self.refused
        return len(self.latencies_s) / asked if asked else 0.0

    def percentile_ms(self, percent: float, documents: int | None = None) -> float:
        """Latency in milliseconds; infinite where nobody was answered.

        Args:
            percent: 50, 95, 99.
            documents: Only of requests with so many.
        """
        latencies: NDArray[np.float64] = np.array(self.latencies_s)
        if documents is not None:
            latencies = latencies[np.array(self.documents) == documents]
        return float(np.percentile(latencies, percent)) * 1000 if len(latencies) else float("inf")


@dataclass(frozen=True, slots=True)
class Setup:
    """What serves.

    Attributes:
        capacity: Of each replica.
        replicas: How many.
        balancer: How requests find them.
        spread_documents: Requests with more documents than this are divided among all replicas; 0: none are.
        seed: Of chance.
    """

    capacity: ReplicaCapacity
    replicas: int = 1
    balancer: Balancer = "connections"
    spread_documents: int = 0
    seed: int = 1


class Cluster:
    """Replicas behind a balancer.

    Args:
        setup: What serves.
        calendar: Time.
    """

    def __init__(self, setup: Setup, calendar: Calendar) -> None:
        self._setup = setup
        self.calendar = calendar
        self._chance = random.Random(setup.seed)  # noqa: S311 - a load, not a secret
        self._choose = choice_of(setup.balancer, self._chance)
        self._serials = count()
        self.replicas = [self.new_replica() for _ in range(setup.replicas)]
        """Those that requests go to; others may take their places."""

    def new_replica(self) -> Replica:
        """A replica that has just become ready."""
        capacity = self._setup.capacity
        return Replica(
            self.calendar, capacity.engine, capacity.tokens_per_second, capacity.batch_seconds(), self._chance
        )

    def resize(self, replicas: int) -> None:
        """Let the last ones leave, or new ones come."""
        missing = replicas - len(self.replicas)
        self.replicas = [*self.replicas[:replicas], *(self.new_replica() for _ in range(missing))]

    def ask(self, lengths: Sequence[int], on_end: Callable[[bool], None]) -> None:
        """Send a request now.

        Args:
            lengths: Tokens of its pairs.
            on_end: Called with whether it was answered.
        """
        capacity = self._setup.capacity
        self.calendar.at(self.calendar.now + capacity.request_s, lambda: self._arrive(lengths, on_end))

    def _arrive(self, lengths: Sequence[int], on_end: Callable[[bool], None]) -> None:
        limit = self._setup.spread_documents
        parts: list[Sequence[int]] = [lengths]
        if limit and len(lengths) > limit:
            number = len(self.replicas)
            parts = [part for first in range(number) if (part := lengths[first::number])]
        left, is_well = len(parts), True

        def end(*, answered: bool) -> None:
            nonlocal left, is_well
            left -= 1
            is_well = is_well and answered
            if not left:
                on_end(is_well)

        targets = [self._choose(self.replicas)] if len(parts) == 1 else self.replicas
        for part, replica in zip(parts, targets, strict=False):
            self._send(replica, part, end)

    def _send(self, replica: Replica, lengths: Sequence[int], end: Callable[..., None]) -> None:
        longest = self._setup.capacity.max_pair_tokens
        if max(lengths) > longest:
            lengths = [min(length, longest) for length in lengths]
        pairs = list(map(pair_of, lengths))
        deadline = self.calendar.now + self._setup.capacity.engine.deadline_s

        def hear(outcome: Outcome) -> None:
            end(answered=not outcome.errors)

        try:
            replica.ask(Asked(sum(lengths), deadline, next(self._serials)), pairs, hear)
        except CapacityError:
            end(answered=False)


def poisson(sizes: RequestSizes, rate: float, requests: int, seed: int) -> Iterator[Arrival]:
    """Requests that arrive independently of each other.

    Args:
        sizes: Of the requests.
        rate: Requests per second.
        requests: How many.
        seed: The same seed gives the same sizes, and times in proportion.
    """
    times, chance = random.Random(seed), random.Random(seed + 1)  # noqa: S311 - a load, not a secret
    now = 0.0
    for _ in range(requests):
        now += times.expovariate(1.0) / rate
        yield Arrival(now, sizes.draw(chance))


def serve(
    setup: Setup,
    arrivals: Iterable[Arrival],
    *,
    settling: float = _SETTLING,
    changes: Sequence[tuple[float, int]] = (),
) -> Served:
    """Let requests arrive, open loop.

    Args:
        setup: What serves.
        arrivals: When, in order.
        settling: Part of them, the first ones, that does not count.
        changes: Times at which there are so many replicas from then on; those that leave finish what they have.
    """
    arriving = list(arrivals)
    calendar = Calendar()
    cluster, served = Cluster(setup, calendar), Served()
    first = round(settling * len(arriving))

    def send(number: int) -> None:
        arrival = arriving[number]
        if number + 1 < len(arriving):
            calendar.at(arriving[number + 1].at, lambda: send(number + 1))

        def ended(answered: bool) -> None:  # noqa: FBT001 - a callback of one fact
            if number >= first:
                _note(served, arrival.lengths, calendar.now - arrival.at, answered=answered)

        cluster.ask(arrival.lengths, ended)

    for when, number in changes:
        calendar.at(when, partial(cluster.resize, number))
    if arriving:
        calendar.at(arriving[0].at, lambda: send(0))
    calendar.run()
    return _closed(served, cluster, arriving[first].at if first < len(arriving) else 0.0)


def serve_clients(setup: Setup, sizes: RequestSizes, clients: int, requests: int) -> Served:
    """Let so many clients each send the next request when its last is answered, closed loop.

    Args:
        setup: What serves.
        sizes: Of the requests.
        clients: How many.
        requests: Sent in all.
    """
    calendar, chance = Calendar(), random.Random(setup.seed)  # noqa: S311 - a load, not a secret
    cluster, served, left = Cluster(setup, calendar), Served(), requests

    def send() -> None:
        nonlocal left
        if not left:
            return
        left -= 1
        lengths, began = sizes.draw(chance), calendar.now

        def ended(answered: bool) -> None:  # noqa: FBT001 - a callback of one fact
            _note(served, lengths, calendar.now - began, answered=answered)
            send()

        cluster.ask(lengths, ended)

    for _ in range(clients):
        calendar.at(0.0, send)
    calendar.run()
    return _closed(served, cluster, 0.0)


def one_of(setup: Setup) -> Setup:
    """One replica of many between which chance divides requests: each sees independent arrivals, so one is like all."""
    return replace(setup, replicas=1, balancer="connections", spread_documents=0)


def _note(served: Served, lengths: Sequence[int], latency_s: float, *, answered: bool) -> None:
    if not answered:
        served.refused += 1
        return
    served.latencies_s.append(latency_s)
    served.documents.append(len(lengths))
    served.tokens += sum(lengths)


def _closed(served: Served, cluster: Cluster, began: float) -> Served:
    now = cluster.calendar.now
    served.seconds = now - began
    served.busy = sum(replica.busy_s for replica in cluster.replicas) / len(cluster.replicas) / now if now else 0.0
    return served
