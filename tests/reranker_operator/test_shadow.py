"""The state `Shadowing`: what is demanded of a version beside the one that serves, transition by transition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reranker_operator.change_record import Change, Record
from reranker_operator.model_change import Asked, Decision, Fetch, FetchStep, Live, Policy, State, decide
from reranker_operator.pods import ShadowFacts
from reranker_operator.shadow import PASSED, Shadow, ShadowPolicy, joined, judged
from reranker_operator.trouble import Trouble

from .test_model_change import FETCHING, GATED, NO_NODE, ROLLING, A, B, C

DEMANDS = ShadowPolicy(min_duration_s=3600, min_comparisons=100, min_kendall_tau=0.9, max_drift=0.1)
POLICY = Policy(shadow=DEMANDS, deadline_s=1800)
BEGAN, SINCE, DUE, LATE = (f"2026-01-01T0{hour}:00:00Z" for hour in range(4))
EARLY = "2026-01-01T01:30:00Z"
GOOD = Shadow(is_ready=True, comparisons=100, kendall_tau=0.9, score_drift=0.1)
COMPARED = Record(change=Change(version=B, began=BEGAN, shadowed_since=SINCE))


def step(
    record: Record = COMPARED,
    shadow: Shadow = GOOD,
    now: str = DUE,
    *,
    live: Live = Live(A, is_complete=True),  # noqa: B008 - frozen
    asked: Any = B,
    fetch: Fetch = Fetch(),  # noqa: B008 - frozen
    policy: Policy = POLICY,
) -> Decision:
    return decide(Asked(asked, "shape", policy), record, live, fetch, now, shadow)


def test_a_version_is_compared_before_the_pod_template_changes() -> None:
    decision = step(Record(), Shadow(), BEGAN)
    assert (decision.state, decision.shadows, decision.holds_template) == (State.SHADOWING, B, True)
    assert decision.record.change == Change(version=B, began=BEGAN)
    assert decision.look_again_s is not None


@pytest.mark.parametrize(("fetch", "job"), [(FetchStep.UNNEEDED, None), (FetchStep.DONE, B)])
def test_a_fetched_version_is_compared_next_and_its_job_stays(fetch: FetchStep, job: object) -> None:
    decision = step(FETCHING, Shadow(), fetch=Fetch(fetch))
    assert (decision.state, decision.fetches) == (State.SHADOWING, job)
    assert step(FETCHING, Shadow(), fetch=Fetch(FetchStep.RUNNING)).shadows is None


def test_time_counts_from_when_the_shadow_is_ready() -> None:
    first = step(Record(), replace(GOOD, comparisons=0), SINCE)
    assert first.record.change is not None
    assert first.record.change.shadowed_since == SINCE
    assert step(first.record, GOOD, EARLY).state is State.SHADOWING
    assert step(first.record, Shadow(), EARLY).record == first.record, "a pod that starts anew does not begin it again"


def test_a_version_that_did_what_was_demanded_is_rolled_and_its_shadow_goes() -> None:
    decision = step()
    assert (decision.state, decision.version, decision.begins, decision.shadows) == (State.ROLLING, B, True, None)
    change = decision.record.change
    assert change is not None
    assert (change.was_compared, change.serving, change.rolled_at) == (True, A, DUE)


def test_what_was_compared_waits_for_a_slot_without_being_compared_again() -> None:
    waiting = step().held_record
    assert step(waiting, Shadow(), LATE).state is State.ROLLING


@pytest.mark.parametrize(
    ("shadow", "code", "said"),
    [
        (replace(GOOD, kendall_tau=0.89), "ShadowFailed", "rollout.shadow.minKendallTau"),
        (replace(GOOD, kendall_tau=None), "ShadowFailed", "no order to agree on"),
        (replace(GOOD, score_drift=0.11), "ShadowFailed", "rollout.shadow.maxDrift"),
        (replace(GOOD, is_ready=False, trouble=GATED), "Gated", GATED.message),
    ],
)
def test_a_version_that_differs_too_much_or_fails_is_given_up_for_good(shadow: Shadow, code: str, said: str) -> None:
    decision = step(shadow=shadow)
    assert (decision.state, decision.version, decision.holds_template or decision.restores) == (
        State.ROLLED_BACK,
        A,
        True,
    )
    assert decision.verdict is not None
    assert (decision.verdict.code, said in decision.verdict.message, decision.shadows) == (code, True, None)
    assert [each.code for each in decision.endings] == [code]
    again = step(decision.record, GOOD, LATE)
    assert (again.state, again.endings) == (State.ROLLED_BACK, ())


def test_both_thresholds_that_were_missed_are_told() -> None:
    verdict = judged(replace(GOOD, kendall_tau=0.1, score_drift=0.9), DEMANDS, SINCE, DUE, 0)
    assert isinstance(verdict, tuple)
    assert ["0.1000" in verdict[1], "0.9000" in verdict[1]] == [True, True]


@pytest.mark.parametrize("trouble", [None, NO_NODE, Trouble("HubUnreachable", "Away.", "p")])
def test_a_shadow_that_may_yet_come_is_waited_for_until_its_controller_gives_up(trouble: Trouble | None) -> None:
    waiting = step(Record(), Shadow(trouble=trouble), BEGAN)
    assert waiting.state is State.SHADOWING
    over = step(waiting.record, Shadow(trouble=trouble, is_overdue=True), DUE)
    assert over.verdict is not None
    assert (over.state, over.verdict.code) == (State.ROLLED_BACK, "DeadlineExceeded")
    assert trouble is None or trouble.message in over.verdict.message


def test_too_few_comparisons_are_waited_for_and_not_for_ever() -> None:
    few = replace(GOOD, comparisons=99)
    assert step(shadow=few).state is State.SHADOWING
    late = step(shadow=few, now=LATE)
    assert late.verdict is not None
    assert (late.state, late.verdict.code) == (State.ROLLED_BACK, "DeadlineExceeded")
    assert "rollout.shadow.minComparisons" in late.verdict.message


def test_nothing_is_demanded_of_what_has_no_threshold() -> None:
    free = ShadowPolicy(min_duration_s=3600, min_comparisons=100)
    assert judged(replace(GOOD, kendall_tau=-1.0, score_drift=1.0), free, SINCE, DUE, 0) is PASSED


def test_another_wish_in_the_middle_is_compared_from_the_beginning() -> None:
    decision = step(asked=C, shadow=Shadow())
    assert (decision.state, decision.shadows) == (State.SHADOWING, C)
    assert decision.record.change == Change(version=C, began=DUE)


def test_a_wish_taken_back_in_the_middle_leaves_nothing() -> None:
    decision = step(asked=A, shadow=Shadow())
    assert (decision.state, decision.record, decision.shadows) == (State.ACTIVE, Record(), None)


def test_a_version_half_way_into_the_pods_makes_room_while_the_next_is_compared() -> None:
    decision = step(ROLLING, Shadow(), asked=C, live=Live(B))
    assert (decision.state, decision.version, decision.shadows) == (State.SHADOWING, A, C)
    assert (decision.restores, decision.is_return, decision.holds_template) == (True, True, False)


def test_pods_that_feed_no_shadow_yet_get_the_spec_with_the_version_that_serves() -> None:
    first = step(Record(), Shadow(), live=Live(A, is_complete=True, feeds=False))
    assert (first.state, first.version, first.shadows) == (State.SHADOWING, A, B)
    assert (first.holds_template, first.restores, first.is_return, first.begins) == (False, False, False, False)
    then = step(first.record, Shadow(), live=Live(A))
    assert (then.version, then.holds_template) == (B, True)


def test_turning_it_off_in_the_middle_rolls_on() -> None:
    decision = step(shadow=replace(GOOD, comparisons=0), policy=Policy())
    assert (decision.state, decision.shadows) == (State.ROLLING, None)


@pytest.mark.parametrize(
    ("live", "asked"),
    [
        (Live(A, has_served=False), B),
        (Live(A, is_complete=True), A.model_copy(update={"gate": "another"})),
    ],
)
def test_without_another_model_that_serves_there_is_nothing_to_compare(live: Live, asked: Any) -> None:
    assert step(Record(), Shadow(), live=live, asked=asked).state is State.ROLLING


def test_what_pods_found_is_joined_with_the_weight_of_their_comparisons() -> None:
    digest = "d" * 64
    facts = [
        ShadowFacts(digest, 30, 10, 1.0, 0.1),
        ShadowFacts(digest, 10, 10, 0.5, 0.3),
        ShadowFacts(digest),
    ]
    comparisons, tau, drift = joined(facts)
    assert (comparisons, tau) == (40, 0.75)
    assert drift == pytest.approx(0.15)
    assert joined([]) == (0, None, None)


def test_a_record_with_a_comparison_is_read_as_it_was_written() -> None:
    assert Record.parse(COMPARED.text()) == COMPARED
