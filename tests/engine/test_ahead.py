"""A device that computes one batch while the next is packed and launched behind it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.engine import Engine, Outcome
from bge_reranker.engine.scorer import ScorerLost
from bge_reranker.errors import WorkerDied
from bge_reranker.settings import EngineSettings

from .fakes import FakeDevice, SteppedEngine, codes, logit_of, make_engine, make_pair, prepare_while_scoring

PAIRS = [make_pair(serial) for serial in range(1, 13)]
"""Three full batches of four pairs."""


def launched(engine: SteppedEngine) -> list[tuple[str, list[int]]]:
    assert isinstance(engine.scorer, FakeDevice)
    return engine.scorer.events


def expected(pairs: list[int]) -> NDArray[np.float32]:
    return np.array([logit_of(make_pair(serial).tokens) for serial in pairs], dtype=np.float32)


def test_the_next_batch_is_launched_before_the_one_that_runs_is_fetched() -> None:
    engine = make_engine(FakeDevice())
    _, outcomes = engine.submit(PAIRS)
    engine.run_until_idle()
    first, second, third = [1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]
    assert launched(engine) == [
        ("launch", first),
        ("launch", second),
        ("fetch", first),
        ("launch", third),
        ("fetch", second),
        ("fetch", third),
    ]
    assert outcomes[0].logits.tolist() == expected(list(range(1, 13))).tolist()


def test_a_scorer_of_one_batch_at_a_time_gets_no_second_one() -> None:
    device = FakeDevice(batches_in_flight=1)
    engine = make_engine(device)
    engine.submit(PAIRS)
    engine.run_until_idle()
    assert device.most_under_way == 1


def test_little_that_waits_is_not_launched_ahead_so_that_more_may_join() -> None:
    engine = make_engine(FakeDevice())
    engine.submit(PAIRS[:5])

    def add_more(_: Batch) -> None:
        engine.scorer.while_scoring = None
        engine.submit(PAIRS[5:8])

    engine.scorer.while_scoring = add_more
    engine.run_until_idle()
    assert launched(engine)[1:3] == [("fetch", [1, 2, 3, 4]), ("launch", [5, 6, 7, 8])]


def test_each_batch_is_timed_from_the_end_of_the_one_before() -> None:
    engine = make_engine(FakeDevice(tokens_per_second=100.0))
    _, outcomes = engine.submit(PAIRS)
    engine.run_until_idle()
    assert [report.compute_s for report in engine.observer.scored] == pytest.approx([0.16] * 3)
    assert [batch.began - 1000.0 for batch in outcomes[0].trail.batches] == pytest.approx([0.0, 0.16, 0.32])
    assert outcomes[0].queue_s == pytest.approx(0.32)
    assert engine.dispatcher.throughput.tokens_per_second == pytest.approx(100.0)


def test_the_backlog_counts_what_is_launched() -> None:
    engine = make_engine(FakeDevice())
    tokens: list[int] = []
    seconds: list[float] = []
    engine.submit(PAIRS)

    def look(_: Batch) -> None:
        tokens.append(engine.dispatcher.backlog_tokens)
        seconds.append(engine.dispatcher.backlog_s(1000.0))

    engine.scorer.while_scoring = look
    engine.run_until_idle()
    assert tokens[0] == 48
    assert seconds[0] == pytest.approx(0.048)


def test_a_deadline_that_comes_while_a_batch_is_launched_is_answered_and_the_batch_ends_for_the_others() -> None:
    engine = make_engine(FakeDevice(tokens_per_second=100.0))
    prepare_while_scoring(engine)
    engine.dispatcher.throughput.restart(16, 1e-6)
    _, late = engine.submit(PAIRS[:6], deadline=1000.2)
    _, others = engine.submit(PAIRS[6:8])
    engine.run_until_idle()
    assert set(codes(late[0]).values()) == {"DeadlineExceeded"}
    assert sorted(codes(late[0])) == [4, 5]
    assert others[0].errors == {}


def test_what_would_end_too_late_behind_the_batch_that_runs_is_not_launched() -> None:
    engine = make_engine(FakeDevice(tokens_per_second=100.0))
    engine.submit(PAIRS[:4], deadline=1000.17)
    ticket_pairs = PAIRS[4:8]
    engine.dispatcher.throughput.restart(16, 0.08)
    _, hopeless = engine.submit(ticket_pairs, deadline=1000.25)
    engine.dispatcher.throughput.restart(16, 0.16)
    engine.run_until_idle()
    assert set(codes(hopeless[0]).values()) == {"DeadlineExceeded"}
    assert ("launch", [5, 6, 7, 8]) not in launched(engine)


def test_a_packed_batch_that_would_end_too_late_behind_the_one_that_runs_is_not_launched() -> None:
    engine = make_engine(FakeDevice(tokens_per_second=100.0))
    engine.dispatcher.throughput.restart(16, 0.16)
    engine.submit(PAIRS[:8], deadline=1000.4)
    _, hopeless = engine.submit(PAIRS[8:], deadline=1000.55)

    def slow_down(_: Batch) -> None:
        engine.scorer.while_scoring = None
        engine.preparer.step()
        engine.dispatcher.throughput.restart(16, 0.25)

    engine.scorer.while_scoring = slow_down
    engine.run_until_idle()
    assert set(codes(hopeless[0]).values()) == {"DeadlineExceeded"}
    assert ("launch", [9, 10, 11, 12]) not in launched(engine)


def test_a_caller_who_goes_while_its_batch_is_launched_costs_nobody_else_anything() -> None:
    engine = make_engine(FakeDevice())
    engine.submit(PAIRS[:4])
    gone, outcomes = engine.submit(PAIRS[4:6])
    _, others = engine.submit(PAIRS[6:8])
    engine.scorer.while_scoring = lambda _: engine.dispatcher.abandon(gone, engine.clock())
    engine.run_until_idle()
    assert set(codes(outcomes[0]).values()) == {"CallerGone"}
    assert others[0].logits.tolist() == expected([7, 8]).tolist()


def test_a_batch_without_room_beside_another_is_computed_when_it_is_alone_and_no_budget_shrinks() -> None:
    engine = make_engine(FakeDevice(memory_of_all_tokens=16))
    _, outcomes = engine.submit(PAIRS)
    engine.run_until_idle()
    assert outcomes[0].logits.tolist() == expected(list(range(1, 13))).tolist()
    assert engine.observer.budgets == []
    assert [report.compute_s for report in engine.observer.scored] == pytest.approx([0.016] * 3)


def test_a_batch_without_room_even_alone_is_halved_and_keeps_the_order() -> None:
    engine = make_engine(FakeDevice(memory_tokens=8))
    _, outcomes = engine.submit(PAIRS[:8])
    engine.run_until_idle()
    assert outcomes[0].logits.tolist() == expected(list(range(1, 9))).tolist()
    assert engine.observer.budgets[0] == 8


def test_memory_that_ends_at_the_fetch_takes_back_what_is_launched_behind() -> None:
    engine = make_engine(FakeDevice())
    _, outcomes = engine.submit(PAIRS)

    def shrink(batch: Batch) -> None:
        if batch.total_tokens > 8:
            raise MemoryError

    engine.scorer.while_scoring = shrink
    engine.run_until_idle()
    assert outcomes[0].logits.tolist() == expected(list(range(1, 13))).tolist()
    assert engine.dispatcher.backlog_tokens == 0


def test_a_pair_without_room_is_given_up_and_what_is_launched_behind_it_is_scored() -> None:
    engine = make_engine(FakeDevice(raises_on={1: MemoryError()}))
    _, outcomes = engine.submit([make_pair(1, 16), *PAIRS[1:9]])
    engine.run_until_idle()
    assert codes(outcomes[0]) == {0: "PairTooLarge"}
    assert outcomes[0].logits[1:].tolist() == expected(list(range(2, 10))).tolist()


@pytest.mark.parametrize("culprit", [2, 6, 11])
def test_a_pair_that_the_scorer_fails_on_fails_alone_wherever_it_is(culprit: int) -> None:
    engine = make_engine(FakeDevice(raises_on={culprit: ValueError("bad")}))
    _, outcomes = engine.submit(PAIRS)
    engine.run_until_idle()
    assert codes(outcomes[0]) == {culprit - 1: "BatchFailed"}
    others = [serial for serial in range(1, 13) if serial != culprit]
    assert np.delete(outcomes[0].logits, culprit - 1).tolist() == expected(others).tolist()
    assert engine.dispatcher.throughput.tokens_per_second == pytest.approx(1000.0)


def test_a_lost_device_ends_everything_that_is_under_way() -> None:
    device = FakeDevice(raises_on={1: ScorerLost("gone")})
    engine = make_engine(device)
    _, outcomes = engine.submit(PAIRS)
    with pytest.raises(ScorerLost):
        engine.run_until_idle()
    engine.dispatcher.fail(WorkerDied("gone"), engine.clock())
    engine.preparer.step()
    assert set(codes(outcomes[0]).values()) == {"WorkerDied"}


def test_the_engine_closes_while_two_batches_are_under_way_and_every_caller_has_an_answer() -> None:
    release, fetching = threading.Event(), threading.Event()
    device = FakeDevice()

    def block(batch: Batch) -> None:
        if 1 in batch.tokens:
            fetching.set()
            release.wait(30)

    engine = Engine(device, EngineSettings(max_batch_tokens=16, max_batch_ms=60_000))
    engine.start()
    engine.wait_until_ready(30)
    device.while_scoring = block
    outcomes: list[Outcome] = []
    with engine.reserve(48, float("inf")) as reservation:
        engine.submit(reservation, PAIRS, outcomes.append)
    assert fetching.wait(30)
    assert device.under_way_tokens == 16
    release.set()
    engine.close(30)
    assert outcomes[0].logits.tolist() == expected(list(range(1, 13))).tolist()
    assert device.is_closed


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=30),
    parts=st.lists(st.integers(1, 8), min_size=1, max_size=8),
    culprits=st.sets(st.integers(1, 30), max_size=2),
    room=st.sampled_from([24, 40, 1000]),
    depth=st.integers(1, 3),
)
def test_whatever_fails_every_pair_ends_as_on_a_scorer_of_one_batch_at_a_time(
    lengths: list[int], parts: list[int], culprits: set[int], room: int, depth: int
) -> None:
    errors: dict[int, BaseException] = {serial: ValueError() for serial in culprits}
    pairs = [make_pair(serial, length) for serial, length in enumerate(lengths, start=1)]
    device = FakeDevice(memory_of_all_tokens=room, memory_tokens=32, raises_on=errors, batches_in_flight=depth)
    engine = make_engine(device)
    submitted: list[tuple[int, int, list[Outcome]]] = []
    start = 0
    for size in parts:
        if part := pairs[start : start + size]:
            submitted.append((start, start + len(part), engine.submit(part)[1]))
        start += size
    try:
        engine.run_until_idle()
    except WorkerDied:
        assert culprits
        return
    for first, stop, outcomes in submitted:
        assert set(codes(outcomes[0])) == {serial - 1 - first for serial in culprits if first < serial <= stop}
        found = [logit for index, logit in enumerate(outcomes[0].logits.tolist()) if index not in outcomes[0].errors]
        scored = [pair for index, pair in enumerate(pairs[first:stop]) if index not in outcomes[0].errors]
        assert found == [logit_of(pair.tokens) for pair in scored]
    assert engine.dispatcher.backlog_tokens == 0
