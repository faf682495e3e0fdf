"""Who is admitted, by figures alone."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bge_reranker.engine.admission import Admission, AdmissionRequest, LaterLoad, Load, is_trial
from bge_reranker.errors import DeadlineExceeded, QueueFull

RATE = 100.0
NOBODY = LaterLoad(np.array([]), np.array([]))
IDLE = Load(
    before_s=0.0,
    later=NOBODY,
    backlog_tokens=0,
    max_queue_tokens=10_000,
    tokens_per_second=RATE,
    batch_s=1.0,
    doubt_s=0.0,
    measured_ago_s=0.0,
)


def busy(before_s: float, **others: Any) -> Load:
    return replace(IDLE, before_s=before_s, backlog_tokens=math.ceil(before_s * RATE), **others)


def later(remaining_s: float, ends_s: float) -> LaterLoad:
    return LaterLoad(np.array([remaining_s, 2 * remaining_s]), np.array([ends_s, ends_s]))


def request(tokens: int, remaining_s: float, name: str = "") -> AdmissionRequest:
    return AdmissionRequest(tokens, float(tokens), remaining_s, name)


@pytest.fixture
def admission() -> Admission:
    return Admission(random.Random(1))


def refused(admission: Admission, asked: AdmissionRequest, load: Load, now: float = 0.0) -> QueueFull:
    with pytest.raises(QueueFull) as error:
        admission.check(asked, load, now)
    return error.value


def test_an_idle_engine_takes_any_size(admission: Admission) -> None:
    admission.check(request(10**9, math.inf), IDLE, 0.0)


def test_a_request_counts_its_own_time_besides_what_is_served_before_it(admission: Admission) -> None:
    admission.check(request(100, 5.0), busy(3.0), 0.0)
    error = refused(admission, request(300, 5.0), busy(3.0))
    assert error.message == "What waits here takes 3.00 s, this request about 3.00 s, and its deadline is in 5.00 s."


def test_a_request_with_nothing_to_spare_waits_for_nobody(admission: Admission) -> None:
    refused(admission, request(500, 5.0), busy(0.01))
    admission.check(request(500, 5.0), IDLE, 0.0)


def test_what_batches_lately_missed_their_times_by_is_left_as_a_margin(admission: Admission) -> None:
    admission.check(request(100, 5.0), busy(3.5), 0.0)
    refused(admission, request(100, 5.0), busy(3.5, doubt_s=0.5))


def test_a_request_does_not_make_those_late_that_have_a_place_and_a_later_deadline(admission: Admission) -> None:
    admission.check(request(100, 5.0), busy(1.0, later=later(20.0, 17.9)), 0.0)
    error = refused(admission, request(100, 5.0), busy(1.0, later=later(20.0, 18.1)))
    assert error.message == (
        "What waits here takes 1.00 s, this request about 1.00 s, and its deadline is in 5.00 s. "
        "Requests with later deadlines that were accepted before would be late."
    )
    assert (error.retry_after_s or 0.0) > 0


def test_newcomers_leave_room_before_later_deadlines_to_those_who_come_back(admission: Admission) -> None:
    busy_later = busy(1.0, later=later(20.0, 15.0))
    admission.check(request(100, 5.0), busy_later, 0.0)
    waits_s = refused(admission, request(400, 5.0, "it"), busy_later).retry_after_s or 0.0
    refused(admission, request(100, 5.0, "a newcomer"), busy_later, waits_s)
    admission.check(request(400, 5.0, "it"), busy(0.5, later=later(20.0, 14.0)), waits_s)


def test_a_request_without_a_deadline_is_taken_as_long_as_the_queue_has_room(admission: Admission) -> None:
    admission.check(request(100, math.inf), busy(90.0), 0.0)
    error = refused(admission, request(2_000, math.inf), busy(90.0))
    assert "has no room for 2000 more (maxQueueTokens is 10000)" in error.message
    assert error.retry_after_s == pytest.approx(10.0, rel=0.25)


def test_a_request_larger_than_the_queue_waits_for_idleness_only(admission: Admission) -> None:
    error = refused(admission, request(50_000, math.inf), busy(3.0))
    assert error.retry_after_s == pytest.approx(3.0, rel=0.25)


def test_the_time_told_is_when_the_backlog_has_fallen_and_everybody_is_told_another(
    admission: Admission,
) -> None:
    waits_s = [
        refused(admission, request(1, 9.0, f"{number}"), busy(10.0)).retry_after_s or 0.0 for number in range(50)
    ]
    calm_s = (9.0 - 0.01) * 15 / 16 / 4
    assert all(10.0 - calm_s <= seconds <= (10.5 - calm_s) * 1.25 for seconds in waits_s)
    assert len(set(waits_s)) == 50


def test_later_refusals_are_told_later_times_as_more_are_to_come_back(admission: Admission) -> None:
    first, *_, last = (
        refused(admission, request(400, 9.0, f"{n}"), busy(10.0)).retry_after_s or 0.0 for n in range(20)
    )
    assert last > 2 * first


def test_nobody_is_told_to_wait_longer_than_can_be_foreseen(admission: Admission) -> None:
    waits_s = [refused(admission, request(1, 9.0, f"{n}"), busy(10_000.0)).retry_after_s or 0.0 for n in range(50)]
    assert 110 < max(waits_s) <= 120


def test_who_comes_back_when_told_to_finds_room_that_newcomers_leave(admission: Admission) -> None:
    waits_s = refused(admission, request(400, 10.0, "it"), busy(9.0)).retry_after_s or 0.0
    for number in range(5):
        refused(admission, request(400, 10.0, f"{number}"), busy(9.0))
    refused(admission, request(400, 10.0, "a newcomer"), busy(5.0), waits_s)
    admission.check(request(400, 10.0, "it"), busy(5.0), waits_s)


def test_who_comes_back_at_once_is_a_newcomer(admission: Admission) -> None:
    for number in range(6):
        refused(admission, request(400, 10.0, f"{number}"), busy(9.0))
    refused(admission, request(400, 10.0, "0"), busy(5.0), 1.0)


def test_small_requests_leave_room_while_a_larger_size_goes_short(admission: Admission) -> None:
    admission.check(request(10, 10.0), busy(6.0), 0.0)
    for number in range(40):
        admission.check(request(10, 10.0), busy(1.0), 0.0)
        refused(admission, request(700, 10.0, f"{number}"), busy(6.0), 100.0 * number)
    refused(admission, request(10, 10.0), busy(6.0), 10_000.0)
    admission.check(request(10, 10.0), busy(1.0), 10_000.0)


def test_a_hopeless_request_is_refused_with_both_figures() -> None:
    with pytest.raises(DeadlineExceeded) as error:
        is_trial(700, 5.0, IDLE)
    assert (
        error.value.message == "700 tokens or more take about 7.00 s here, even alone, and the deadline is in 5.00 s."
    )
    assert error.value.remedy
    assert not is_trial(500, 5.0, IDLE)


@pytest.mark.parametrize(
    ("load", "is_tried"),
    [
        (replace(IDLE, measured_ago_s=29.0), False),
        (replace(IDLE, measured_ago_s=31.0), False),
        (replace(IDLE, measured_ago_s=101.0), True),
        (replace(IDLE, measured_ago_s=31.0, batch_s=0.3), True),
        (busy(1.0, measured_ago_s=1_000.0), False),
    ],
    ids=["measured lately", "a batch would take over a percent", "long ago", "a short batch", "others wait"],
)
def test_an_idle_engine_tries_a_hopeless_request_when_it_has_not_measured_for_long(
    load: Load, *, is_tried: bool
) -> None:
    if is_tried:
        assert is_trial(700, 5.0, load)
    else:
        with pytest.raises(DeadlineExceeded):
            is_trial(700, 5.0, load)
