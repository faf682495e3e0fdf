from __future__ import annotations

from reranker_operator.slots import Slots
from reranker_operator.tracked import TrackedRerankers

from .bodies import reranker
from .fakes import STALL_S, FakeTime


def test_one_that_is_gone_has_no_schedule_no_slot_and_no_state_whatever_its_last_round_still_writes() -> None:
    time = FakeTime()
    tracked = TrackedRerankers(time)
    slots = Slots(1, STALL_S, tracked.claims, time)
    gone, other = tracked.see(reranker()), tracked.see(reranker("other", uid="uid-other"))
    assert gone is not None
    assert other is not None
    assert slots.take(gone.slot) is None
    tracked.forget(gone.reranker)
    gone.reported.state = "Creating"
    assert slots.holders() == ()
    assert slots.take(other.slot) is None
    assert [each.key for each in tracked.schedules()] == [other.key]
    assert list(tracked.states()) == []


def test_a_namesake_has_nothing_of_the_former_one() -> None:
    tracked = TrackedRerankers(FakeTime())
    former = tracked.see(reranker(uid="uid-1", version=1))
    namesake = tracked.see(reranker(uid="uid-2", version=2))
    assert former is not namesake
    assert tracked.see(reranker(uid="uid-1", version=1)) is None, "it is late"
    tracked.forget(reranker(uid="uid-1", version=1))
    assert list(tracked) == [namesake]


def test_one_that_another_operator_serves_keeps_its_schedule_alone() -> None:
    tracked = TrackedRerankers(FakeTime())
    before = tracked.see(reranker())
    assert before is not None
    before.reported.state = "Creating"
    tracked.start_over(before)
    (after,) = tracked
    assert after.reranker is before.reranker
    assert after.schedule is before.schedule
    assert list(tracked.states()) == []
