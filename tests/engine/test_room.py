"""What is kept free is given up where it has cost the scorer its work."""

from __future__ import annotations

import pytest

from bge_reranker.engine.room import TOLERATED_LOSS, KeptRoom

RATE = 100.0


def test_room_is_kept_while_nobody_is_refused_for_it() -> None:
    room = KeptRoom()
    room.note_idle(0.0, RATE, 9.0)
    assert room.part(9.0) == 1


def test_room_is_given_up_as_far_as_what_was_refused_would_have_filled_the_time_that_was_idle() -> None:
    room = KeptRoom()
    room.note_refused(0.25 * RATE, 1.0)
    room.note_idle(1.5, RATE, 3.0)
    # A quarter of a second of ten.
    assert room.part(3.0) == pytest.approx(1 - 0.025 / TOLERATED_LOSS)
    room.note_refused(9 * RATE, 3.0)
    room.note_idle(3.0, RATE, 4.0)
    assert room.part(4.0) == 0
    assert room.part(20.0) == 1


def test_a_scorer_that_was_idle_before_anybody_was_refused_has_lost_nothing() -> None:
    room = KeptRoom()
    room.note_idle(0.0, RATE, 9.0)
    room.note_refused(9 * RATE, 9.0)
    assert room.part(9.5) == 1


def test_idle_time_counts_once_however_many_ask_in_it() -> None:
    room = KeptRoom()
    room.note_refused(9 * RATE, 0.0)
    for now in (0.1, 0.2, 0.3):
        room.note_idle(0.0, RATE, now)
    assert room.part(0.3) == pytest.approx(1 - 0.03 / TOLERATED_LOSS)
