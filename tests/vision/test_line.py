"""Whose pictures are read beside those of others, and who is refused at once."""

from __future__ import annotations

import pytest

from bge_reranker.errors import QueueFull
from bge_reranker.vision.line import Line


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _line(threads: int = 1, unit_s: float = 1.0) -> tuple[Line, Clock]:
    """A line that has measured what a unit takes."""
    clock = Clock()
    line = Line(threads, clock)
    place = line.enter(1, 100)
    place.done(1, unit_s)
    place.leave()
    return line, clock


def test_whoever_finds_nobody_is_welcome_however_much_it_brings() -> None:
    line, _ = _line()

    assert line.enter(1_000, timeout_s=1).work == 1_000


def test_before_anything_was_measured_nobody_is_refused() -> None:
    line = Line(1, Clock())

    for _ in range(50):
        line.enter(1_000, timeout_s=0.001)


def test_a_request_that_would_be_late_is_refused_and_told_when_to_come_back() -> None:
    line, _ = _line()
    line.enter(10, timeout_s=30)

    with pytest.raises(QueueFull, match="pictures of 1 other requests") as refusal:
        line.enter(10, timeout_s=12)

    assert refusal.value.retry_after_s == pytest.approx(8)


def test_a_small_request_does_not_wait_for_a_large_one() -> None:
    line, _ = _line()
    line.enter(1_000, timeout_s=2_000)

    line.enter(2, timeout_s=5)


def test_whoever_was_accepted_is_not_made_late_by_those_who_come_after() -> None:
    line, _ = _line()
    line.enter(10, timeout_s=15)
    line.enter(3, timeout_s=100)

    with pytest.raises(QueueFull):
        line.enter(3, timeout_s=100)


def test_whoever_is_late_already_keeps_nobody_out() -> None:
    line, clock = _line()
    line.enter(100, timeout_s=10)
    clock.now_s = 9

    line.enter(1, timeout_s=5)


def test_what_is_read_and_whoever_leaves_makes_room() -> None:
    line, _ = _line()
    first = line.enter(10, timeout_s=12)
    with pytest.raises(QueueFull):
        line.enter(10, timeout_s=12)

    first.done(9, 9.0)
    second = line.enter(10, timeout_s=12)
    second.leave()
    second.leave()
    line.enter(10, timeout_s=12)


def test_several_threads_read_so_many_times_as_much() -> None:
    for threads, is_admitted in ((1, False), (2, True)):
        line, _ = _line(threads)
        line.enter(10, timeout_s=100)
        if is_admitted:
            line.enter(10, timeout_s=12)
        else:
            with pytest.raises(QueueFull):
                line.enter(10, timeout_s=12)


def test_what_a_unit_takes_follows_what_was_measured_last() -> None:
    line, _ = _line(unit_s=100.0)
    quick = line.enter(200, timeout_s=1)
    for _ in range(60):
        quick.done(1, 0.001)

    line.enter(100, timeout_s=50)
