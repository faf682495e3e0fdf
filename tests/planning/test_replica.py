"""A replica in virtual time."""

from __future__ import annotations

import random

import pytest

from bge_reranker.engine.batch import Pair
from bge_reranker.engine.reservations import Asked
from bge_reranker.engine.ticket import Outcome
from bge_reranker.errors import QueueFull
from bge_reranker.planning.calendar import Calendar
from bge_reranker.planning.capacity import ReplicaCapacity
from bge_reranker.planning.replica import Replica
from bge_reranker.planning.sizes import pair_of
from bge_reranker.settings import EngineSettings

SETTINGS = EngineSettings(max_batch_tokens=1_000, max_queue_tokens=3_000)
CAPACITY = ReplicaCapacity(1_000.0, batch_s=0.1, engine=SETTINGS)


def replica_at(calendar: Calendar) -> Replica:
    return Replica(calendar, SETTINGS, 1_000.0, CAPACITY.batch_seconds(), random.Random(1))


def pairs(*tokens: int) -> list[Pair]:
    return [pair_of(each) for each in tokens]


def test_events_happen_in_order_and_those_of_one_time_as_they_were_entered() -> None:
    calendar, seen = Calendar(), []
    for when, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        calendar.at(when, lambda name=name: seen.append((calendar.now, name)))  # type: ignore[misc] # binds each
    calendar.run()
    assert seen == [(1.0, "a"), (1.0, "b"), (2.0, "c")]


def test_a_full_batch_takes_what_was_measured_and_a_small_one_its_constant_and_its_tokens() -> None:
    calendar, ends = Calendar(), []
    replica = replica_at(calendar)
    for tokens in (100, 1_000):
        replica.ask(Asked(tokens, 60.0), pairs(tokens), lambda _: ends.append(calendar.now))
    calendar.run()
    # 0.1 s, and 0.9 s for 1,000 tokens.
    assert ends == pytest.approx([0.1 + 0.09, 0.19 + 1.0])
    assert replica.busy_s == pytest.approx(1.19)
    assert replica.backlog_tokens == 0


def test_a_queue_that_is_full_refuses_as_the_engine_does() -> None:
    calendar, outcomes = Calendar(), list[Outcome]()
    replica = replica_at(calendar)
    replica.ask(Asked(2_900, 60.0), pairs(*[100] * 29), outcomes.append)
    with pytest.raises(QueueFull):
        replica.ask(Asked(200, 60.0), pairs(200), outcomes.append)
    calendar.run()
    assert [len(outcome.logits) for outcome in outcomes] == [29]
