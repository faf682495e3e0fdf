"""Callers and priorities share the scorer: who waits for whom, in simulated time; the figures are printed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean

import pytest

from bge_reranker.engine.lanes import Lanes
from bge_reranker.engine.origin import ANYBODY, Origin
from bge_reranker.engine.recent import Recent
from bge_reranker.errors import CapacityError

from .fakes import codes, make_engine, make_pair
from .simulation import BATCH_TOKENS, TOKENS_PER_SECOND, Asked, Result, Scenario, Simulation
from .test_overload import COUNTED_S, LOADS, LONG_S, MIXED_S, RATE_FACTORS, SHORT_S

SEARCH, OTHER_SEARCH, JOB, BACKGROUND_JOB = Origin("a"), Origin("b"), Origin("job"), Origin("job", 5)
TWO_CLASSES = ((SEARCH, 0.3), (OTHER_SEARCH, 0.2), (BACKGROUND_JOB, 0.5))
FLOODED = ((SEARCH, 0.1), (OTHER_SEARCH, 0.1), (JOB, 0.8))
BATCH_S = BATCH_TOKENS / TOKENS_PER_SECOND


@pytest.mark.parametrize("rate_factor", RATE_FACTORS)
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("deadlines_s", [*SHORT_S, *LONG_S, MIXED_S])
def test_two_classes_and_three_callers_get_as_much_done_and_nobody_accepted_is_late(
    deadlines_s: tuple[float, float], load: float, rate_factor: float
) -> None:
    scenario = Scenario(load, deadlines_s, counted_s=COUNTED_S[load], rate_factor=rate_factor, origins=TWO_CLASSES)
    result = show(Simulation(scenario).run())
    assert result.goodput >= least_goodput(deadlines_s, load)
    assert result.waste == 0
    assert result.late == 0
    assert result.answered_part(SEARCH) > result.answered_part(BACKGROUND_JOB) or load < 2 or deadlines_s in SHORT_S


def test_at_little_too_much_nearly_all_is_done_on_average_though_less_urgent_requests_leave_room() -> None:
    # A single run is a matter of chance: whether somebody comes soon after somebody was refused.
    scenario = Scenario(1.2, LONG_S[0], origins=TWO_CLASSES)
    runs = [replace(scenario, rate_factor=rate, seed=seed) for rate in RATE_FACTORS for seed in range(1, 6)]
    results = [show(Simulation(run).run()) for run in runs]
    assert fmean(result.goodput for result in results) >= 0.95


@pytest.mark.parametrize("rate_factor", RATE_FACTORS)
@pytest.mark.parametrize("load", LOADS[:2])
@pytest.mark.parametrize("deadlines_s", [*LONG_S, MIXED_S])
def test_callers_who_take_parts_get_nearly_all_that_can_be_done(
    deadlines_s: tuple[float, float], load: float, rate_factor: float
) -> None:
    scenario = Scenario(load, deadlines_s, rate_factor=rate_factor, origins=TWO_CLASSES, is_partial=True)
    result = show(Simulation(scenario).run())
    assert result.goodput >= 0.95
    assert result.waste == 0
    assert result.late == 0


@pytest.mark.parametrize("load", LOADS[1:])
def test_callers_who_ask_for_less_are_answered_more_and_sooner_beside_one_who_floods(load: float) -> None:
    result = show(Simulation(Scenario(load, (10.0, 10.0), counted_s=COUNTED_S[load], origins=FLOODED)).run())
    for search in (SEARCH, OTHER_SEARCH):
        assert result.answered_part(search) > 2 * result.answered_part(JOB)
        assert result.answer_s(search, 0.5) < result.answer_s(JOB, 0.5)
    assert result.late == 0


@pytest.mark.parametrize("job", [JOB, BACKGROUND_JOB], ids=["least served first", "lower class"])
def test_a_query_waits_for_two_batches_at_most_beside_a_job_of_a_thousand_documents(job: Origin) -> None:
    alone, beside, in_order = (query_p95_s(jobs) for jobs in (None, job, SEARCH))
    print(f"p95 of 20 documents alone {alone:.3f} s, beside {beside:.3f} s, in one lane {in_order:.3f} s")  # noqa: T201 - the figures are what one looks for
    assert beside <= alone + 2 * BATCH_S
    assert in_order > alone + 2 * BATCH_S


def query_p95_s(job: Origin | None) -> float:
    """The answers to queries of 20 documents while jobs keep the scorer four fifths busy."""
    result = Simulation(Scenario(1.0, (60.0, 60.0), step_at_s=0.0, uncounted_s=0.0, counted_s=1_000.0)).replay(
        [*queries(), *([] if job is None else jobs(job))]
    )
    times_s = [seconds for asked, seconds in result.answers if asked.documents == 20]
    assert len(times_s) == 100
    return sorted(times_s)[94]


def show(result: Result) -> Result:
    print(result.row())  # noqa: T201 - the figures are what one looks for when a bound is missed
    return result


def least_goodput(deadlines_s: tuple[float, float], load: float) -> float:
    """The bounds of one caller; at little too much a single run may have less where deadlines are few batches."""
    if deadlines_s in SHORT_S:
        return 0.8
    return 0.9 if load < 2 and deadlines_s != LONG_S[-1] else 0.95


def queries() -> Iterator[Asked]:
    source = random.Random(1)
    for number in range(100):
        yield Asked(number, number + source.random(), 20, 60.0, SEARCH)


def jobs(origin: Origin) -> Iterator[Asked]:
    for number in range(80):
        yield Asked(1_000 + number, 1.2 * number, 1_000, 60.0, origin)


def test_a_more_urgent_request_comes_first_at_the_next_batch_and_displaces_the_prepared_one() -> None:
    engine = make_engine()
    engine.submit([make_pair(serial, 16) for serial in (1, 2, 3)], deadline=engine.clock() + 9, origin=BACKGROUND_JOB)

    def come_when_the_next_is_packed(_: object) -> None:
        engine.scorer.while_scoring = None
        engine.preparer.step()
        engine.submit([make_pair(4)], deadline=engine.clock() + 10)
        engine.preparer.step()
        assert not engine.dispatcher.can_prepare()

    engine.scorer.while_scoring = come_when_the_next_is_packed
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [4], [2], [3]]


def test_an_urgent_request_waits_where_an_accepted_one_could_not() -> None:
    engine = make_engine()
    _, outcomes = engine.submit(
        [make_pair(serial, 16) for serial in (1, 2)], deadline=engine.clock() + 0.040, origin=BACKGROUND_JOB
    )
    engine.submit([make_pair(3, 16)], deadline=engine.clock() + 1)
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [2], [3]]
    assert outcomes[0].errors == {}


def test_who_was_served_least_comes_first_and_weights_count() -> None:
    lanes = Lanes()
    heavy, light = lanes.of(Origin("heavy", weight=4.0), 0.0), lanes.of(Origin("light"), 0.0)
    heavy.served.add(400, 0.0)
    light.served.add(400, 0.0)
    lanes.note_level(0.0, 100)
    assert (heavy.level, light.level) == (1, 3)
    lanes.note_level(20.0, 100)
    assert heavy.level == light.level == 0


def test_recent_tokens_count_for_ten_seconds() -> None:
    recent = Recent()
    for second in range(30):
        recent.add(1.0, float(second))
    assert recent.tokens(29.5) == 10
    assert recent.tokens(35.5) == 4
    assert recent.tokens(100.0) == 0


def test_requests_leave_room_to_those_who_come_before_them_by_what_those_lately_asked_for() -> None:
    lanes = Lanes()
    first, background = lanes.of(ANYBODY, 0.0), lanes.of(BACKGROUND_JOB, 0.0)
    assert lanes.room(first, 0.0, 100.0) == 0
    assert lanes.room(background, 0.0, 100.0) == 1 / 8
    first.asked.add(300, 0.0)
    assert lanes.room(background, 0.0, 100.0) == pytest.approx(0.3)
    first.asked.add(3_000, 0.0)
    assert lanes.room(background, 0.0, 100.0) == 1 / 2
    assert lanes.room(background, 20.0, 100.0) == 1 / 8


def test_lanes_are_bounded_and_further_callers_share_those_of_the_nearest_priority() -> None:
    lanes = Lanes()
    busy = [lanes.of(Origin(number, number % 2), 0.0) for number in range(64)]
    for lane in busy:
        lane.asked.add(1, 0.0)
    shared = lanes.of(Origin("late", 7), 0.0)
    assert shared in busy
    assert shared.priority == 1
    assert lanes.of(Origin("late", 7), 60.0) not in busy


@pytest.mark.parametrize(("priority", "name"), [(-1, "urgent"), (0, "normal"), (999, "background")])
def test_priorities_have_three_classes(priority: int, name: str) -> None:
    engine = make_engine()
    engine.submit([make_pair(1, 10)], origin=Origin(priority=priority))
    assert {key: tokens for key, tokens in engine.dispatcher.waiting_by_class.items() if tokens} == {name: 10}
    engine.run_until_idle()
    assert not any(engine.dispatcher.waiting_by_class.values())


def test_a_partial_request_is_scored_as_far_as_time_allows_and_says_what_is_missing() -> None:
    engine = make_engine()
    pairs = [make_pair(serial, 10) for serial in range(1, 11)]
    _, outcomes = engine.submit(pairs, deadline=engine.clock() + 0.055, is_partial=True)
    engine.run_until_idle()
    assert codes(outcomes[0]) == dict.fromkeys(range(5, 10), "DeadlineExceeded")
    assert engine.scorer.batches == [[1], [2], [3], [4], [5]]
    assert engine.dispatcher.backlog_tokens == 0


def test_a_partial_request_takes_what_others_leave() -> None:
    engine = make_engine()
    _, others = engine.submit([make_pair(serial, 16) for serial in (1, 2, 3)], deadline=engine.clock() + 0.1)
    _, outcomes = engine.submit(
        [make_pair(serial, 10) for serial in range(10, 20)], deadline=engine.clock() + 0.1, is_partial=True
    )
    engine.run_until_idle()
    assert others[0].errors == {}
    assert 1 <= len(outcomes[0].errors) < 10
    assert min(outcomes[0].errors) == 10 - len(outcomes[0].errors)


def test_a_partial_request_gives_up_its_last_pairs_when_batches_take_longer() -> None:
    engine = make_engine()
    _, outcomes = engine.submit(
        [make_pair(serial, 16) for serial in range(1, 6)], deadline=engine.clock() + 0.1, is_partial=True
    )
    engine.worker.step()
    engine.clock.now += 0.040
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [2], [3]]
    assert codes(outcomes[0]) == dict.fromkeys((3, 4), "DeadlineExceeded")
    assert engine.observer.ended == {"Scored": 3, "DeadlineExceeded": 2}
    assert engine.dispatcher.backlog_tokens == 0


def test_a_partial_request_of_which_hardly_anything_fits_is_refused_as_others_are() -> None:
    engine = make_engine()
    engine.submit([make_pair(serial, 16) for serial in range(1, 6)], deadline=engine.clock() + 0.085)
    with pytest.raises(CapacityError):
        engine.submit([make_pair(9, 10)] * 40, deadline=engine.clock() + 0.085, is_partial=True)
