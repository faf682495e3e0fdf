"""Places, phases and progress of the queue; stepped from one thread on a clock that stands still."""

from __future__ import annotations

import math

import pytest

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.reservations import Asked, Grant
from bge_reranker.engine.ticket import Outcome
from bge_reranker.errors import Draining, NotReady, QueueFull, WorkerDied
from bge_reranker.settings import EngineSettings

from .fakes import NO_GRANT, FakeScorer, make_engine, make_pair, make_ticket


def test_backlog_counts_reserved_queued_prepared_and_running_tokens() -> None:
    engine = make_engine(FakeScorer(tokens_per_second=100.0))
    seen: list[int] = []

    def look(_: Batch) -> None:
        engine.preparer.step()
        seen.append(engine.dispatcher.backlog_tokens)

    engine.scorer.while_scoring = look
    engine.submit([make_pair(1, 16), make_pair(2, 16), make_pair(3, 16)])
    engine.dispatcher.reserve(Asked(7, math.inf), engine.clock())
    assert engine.dispatcher.backlog_tokens == 55
    assert engine.dispatcher.backlog_s(engine.clock()) == pytest.approx(0.55)
    assert engine.dispatcher.waiting_pairs == 3
    engine.run_until_idle()
    assert seen == [55, 39, 23]
    engine.dispatcher.release(7, math.inf)
    assert engine.dispatcher.backlog_tokens == 0


def test_reserve_refuses_when_the_queue_is_full_and_admits_again_later() -> None:
    engine = make_engine(queue_tokens=16)
    engine.submit([make_pair(1, 10)])
    with pytest.raises(QueueFull) as refused:
        engine.dispatcher.reserve(Asked(10, math.inf), engine.clock())
    assert refused.value.retry_after_s is not None
    assert 0.004 <= refused.value.retry_after_s <= 0.005
    engine.run_until_idle()
    engine.dispatcher.reserve(Asked(10, math.inf), engine.clock())


def test_reserve_refuses_by_phase() -> None:
    engine = make_engine()
    engine.dispatcher.lifecycle.drain()
    with pytest.raises(Draining):
        engine.dispatcher.reserve(Asked(1, math.inf), 0.0)
    engine.dispatcher.fail(WorkerDied("gone"), 0.0)
    with pytest.raises(WorkerDied):
        engine.dispatcher.reserve(Asked(1, math.inf), 0.0)
    fresh = type(engine.dispatcher)(EngineSettings())
    with pytest.raises(NotReady):
        fresh.reserve(Asked(1, math.inf), 0.0)


def test_drain_lets_a_reserved_request_in_and_a_closed_engine_does_not() -> None:
    engine = make_engine()
    outcomes: list[Outcome] = []
    engine.dispatcher.reserve(Asked(4, math.inf), engine.clock())
    engine.dispatcher.lifecycle.drain()
    engine.dispatcher.submit(make_ticket([make_pair(1)], outcomes.append, engine.clock()), Grant(4, NO_GRANT.lane))
    engine.run_until_idle()
    assert outcomes[0].errors == {}
    engine.dispatcher.close(engine.clock())
    with pytest.raises(Draining):
        engine.dispatcher.submit(make_ticket([make_pair(2)], outcomes.append, engine.clock()), Grant(4, NO_GRANT.lane))


def test_progress_ends_when_a_batch_runs_ten_times_longer_than_expected_and_a_minute() -> None:
    engine = make_engine(FakeScorer(tokens_per_second=1.0))
    engine.dispatcher.submit(make_ticket([make_pair(1, 10)]), NO_GRANT)
    assert engine.dispatcher.is_making_progress(10**6)
    engine.dispatcher.begin(1000.0)
    assert engine.dispatcher.is_making_progress(1099.0)
    assert not engine.dispatcher.is_making_progress(1100.0)


def test_progress_has_a_minute_even_when_the_device_is_fast() -> None:
    engine = make_engine()
    engine.dispatcher.submit(make_ticket([make_pair(1)]), NO_GRANT)
    engine.dispatcher.begin(1000.0)
    assert engine.dispatcher.is_making_progress(1059.0)
    assert not engine.dispatcher.is_making_progress(1060.0)


@pytest.mark.parametrize("lengths_tokens", [[], [3, 0]])
def test_ticket_refuses_what_no_batch_can_hold(lengths_tokens: list[int]) -> None:
    pairs = [make_pair(1, 3) for _ in lengths_tokens]
    if pairs:
        pairs[-1] = type(pairs[0])(pairs[0].tokens[:0], pairs[0].types[:0])
    with pytest.raises(ValueError, match="this is a bug"):
        make_ticket(pairs)
