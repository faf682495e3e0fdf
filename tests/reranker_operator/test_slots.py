from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reranker_operator.pods import Pod
from reranker_operator.resource import Key
from reranker_operator.slots import REFUSAL_KEPT_S, NoSlot, Progress, Rollout, SlotClaim, Slots, progress_of
from reranker_operator.snapshots import DeploymentState

from .bodies import pod
from .fakes import FakeTime

STALL_S = 300.0
A, B, C, D = (Key("search", name) for name in "abcd")
OTHER = Key("shop", "a")
ONE = Rollout(2, (1, 1, 0))
DONE = DeploymentState(2, 2, 2, 2, 2, 2, 2, "NewReplicaSetAvailable", "")


class Fleet:
    """Slots, and the claim of each Reranker by its key."""

    def __init__(self, limit: int) -> None:
        self.time = FakeTime()
        self.claims = {key: SlotClaim(key) for key in (A, B, C, D, OTHER)}
        self.slots = Slots(limit, STALL_S, self.claims.values, self.time)

    def take(self, key: Key) -> NoSlot | None:
        return self.slots.take(self.claims[key])

    def begin(self, key: Key, rollout: Rollout | None) -> None:
        self.slots.begin(self.claims[key], rollout)

    def see(self, key: Key, rollout: Rollout | None) -> None:
        self.slots.see(self.claims[key], rollout)

    def leave(self, key: Key) -> None:
        self.slots.leave(self.claims[key])

    def release(self, key: Key) -> None:
        self.slots.release(self.claims[key])

    def holders(self) -> tuple[Key, ...]:
        return self.slots.holders()


def slots(limit: int = 2) -> tuple[Fleet, FakeTime]:
    fleet = Fleet(limit)
    return fleet, fleet.time


def granted(found: Fleet, *keys: Key) -> list[Key]:
    """Who of these gets a slot, each asking once in turn, and begins."""
    got = [key for key in keys if found.take(key) is None]
    for key in got:
        found.begin(key, ONE)
    return got


def test_there_are_so_many_slots_and_no_more() -> None:
    found, _ = slots()
    assert granted(found, A, B, C) == [A, B]
    found.see(A, None)
    assert granted(found, C, D) == [C]


def test_who_has_a_slot_corrects_a_change_without_waiting() -> None:
    found, _ = slots(1)
    assert granted(found, A, A) == [A, A]


def test_slots_are_given_in_the_order_of_asking() -> None:
    found, time = slots(1)
    assert granted(found, A) == [A]
    for key in (D, C, B):
        time.now += 1
        assert found.take(key) is not None
    found.see(A, None)
    assert granted(found, B, C, D) == [D]


def test_who_left_the_queue_is_in_nobody_s_way() -> None:
    found, time = slots(1)
    assert granted(found, A) == [A]
    for key in (B, C):
        time.now += 1
        assert found.take(key) is not None
    found.leave(B)
    found.see(A, None)
    assert granted(found, C) == [C]


def test_a_change_that_gets_no_further_gives_its_slot_back() -> None:
    found, time = slots(1)
    assert granted(found, A) == [A]
    time.now += STALL_S - 1
    found.see(A, ONE)
    assert granted(found, B) == []
    time.now += 1
    assert granted(found, B) == [B]
    assert found.holders() == (B,)


@pytest.mark.parametrize("progress", [(2, 0, 0), (1, 2, 0), (1, 1, 5)])
def test_a_change_that_gets_further_keeps_its_slot(progress: Progress) -> None:
    found, time = slots(1)
    assert granted(found, A) == [A]
    time.now += STALL_S - 1
    found.see(A, replace(ONE, progress=progress))
    time.now += STALL_S - 1
    assert granted(found, B) == []


def test_a_crash_loop_is_no_progress_whatever_it_goes_through() -> None:
    found, time = slots(1)
    assert granted(found, A) == [A]
    for number in range(int(STALL_S)):
        time.now += 1
        found.see(A, replace(ONE, progress=(1, number % 2, 0)))
    assert granted(found, B) == [B]


def test_a_correction_has_its_own_time() -> None:
    found, time = slots(1)
    assert granted(found, A) == [A]
    time.now += STALL_S
    assert granted(found, A) == [A]
    assert found.holders() == (A,)


def test_a_stalled_change_that_gets_on_again_has_a_slot_again() -> None:
    found, time = slots(1)
    assert granted(found, A) == [A]
    time.now += STALL_S
    assert found.holders() == ()
    found.see(A, replace(ONE, progress=(2, 0, 0)))
    assert granted(found, B) == []


def test_who_is_suspended_gives_the_slot_back() -> None:
    found, _ = slots(1)
    assert granted(found, A) == [A]
    found.release(A)
    assert granted(found, B) == [B]


def test_a_change_that_failed_to_begin_has_no_slot() -> None:
    found, _ = slots(1)
    assert found.take(A) is None
    assert found.take(B) is not None
    found.begin(A, None)
    assert granted(found, B) == [B]


def test_a_namespace_leaves_one_slot_while_another_waits() -> None:
    found, time = slots(3)
    assert granted(found, A, B) == [A, B]
    for key in (C, D):
        time.now += 1
        found.claims[key].waits_since_s = time.now
    time.now += 1
    found.claims[OTHER].waits_since_s = time.now
    assert granted(found, C, D) == []
    refusal = found.take(C)
    assert refusal is not None
    assert refusal.is_capped
    assert granted(found, OTHER) == [OTHER]
    found.see(A, None)
    assert granted(found, C) == [C], "nobody of another namespace waits any more"


@pytest.mark.parametrize(("limit", "order"), [(1, [C, D, OTHER]), (2, [OTHER, C, D])])
def test_another_namespace_gets_a_slot_in_its_turn_at_the_latest(limit: int, order: list[Key]) -> None:
    found, time = slots(limit)
    held = granted(found, *(A, B)[:limit])
    for key in (C, D, OTHER):
        time.now += 1
        assert found.take(key) is not None
    served: list[Key] = []
    while len(served) < 3:
        found.see(held.pop(0) if held else served[-1], None)
        served += granted(found, *({C, D, OTHER} - set(served)))
    assert served == order


def test_a_refusal_says_who_holds_the_slots_and_how_many_asked_before() -> None:
    found, time = slots(1)
    assert granted(found, A) == [A]
    assert found.take(B) is not None
    time.now += 1
    refusal = found.take(C)
    assert refusal is not None
    assert (refusal.limit, refusal.holders, refusal.ahead, refusal.is_capped) == (1, (A,), 1, False)
    found.leave(B)
    assert found.take(C) == refusal, "hundreds may wait, and each word is a write"
    time.now += REFUSAL_KEPT_S
    assert found.take(C) == replace(refusal, ahead=0)


def state(running: int = 0, *, is_ready: bool = False, phase: str = "Running", has_node: bool = True) -> Pod:
    """A pod of three containers, the first two of which are init containers."""
    done: dict[str, Any] = {"terminated": {"exitCode": 0}}
    runs: dict[str, Any] = {"running": {}}
    waits: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
    states = [done] * running + [runs] + [waits] * (2 - running) if running < 3 else [done, done, runs]
    containers = [{"name": str(number), "state": each} for number, each in enumerate(states)]
    scheduled = [{"type": "PodScheduled", "status": str(has_node)}]
    body = pod(is_ready=is_ready, conditions=scheduled, containers=containers)
    body["status"]["phase"] = phase
    return Pod.from_body(body)


def test_a_rollout_gets_further_with_every_step_of_its_pods() -> None:
    rolling = replace(DONE, progress_reason="ReplicaSetUpdated")
    steps = [
        progress_of(replace(rolling, updated=0), []),
        progress_of(replace(rolling, replicas=3, updated=1), [state(has_node=False)]),
        progress_of(replace(rolling, replicas=3, updated=1), [state(0)]),
        progress_of(replace(rolling, replicas=3, updated=1), [state(0)], download_steps=7),
        progress_of(replace(rolling, replicas=3, updated=1), [state(1)]),
        progress_of(replace(rolling, replicas=3, updated=1), [state(2)]),
        progress_of(replace(rolling, replicas=3, updated=1, available=3), [state(2, is_ready=True)]),
        progress_of(replace(rolling, replicas=3, updated=2, available=2), [state(has_node=False)]),
    ]
    assert steps == sorted(set(steps))


def test_pods_that_ended_for_good_are_no_progress_however_many_are_left_over() -> None:
    rolling = replace(DONE, replicas=3, updated=1, progress_reason="ReplicaSetUpdated")
    evicted = [state(1, phase="Failed")] * 9
    assert progress_of(rolling, [*evicted, state(0)]) == progress_of(rolling, [state(0)])
