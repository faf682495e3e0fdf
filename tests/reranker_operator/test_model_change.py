"""Every transition of a model's version, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reranker_operator.change_record import Change, FinalVerdict, Pin, Record
from reranker_operator.model_change import (
    Asked,
    Decision,
    Fetch,
    FetchStep,
    Live,
    Policy,
    State,
    decide,
    honoured,
    pinned,
)
from reranker_operator.trouble import Trouble
from reranker_operator.versions import Version

A, B, C = (Version(source="hf://org/model", revision=name) for name in "abc")
BEGAN, ROLLED, NOW, LATE = (f"2026-01-01T0{hour}:00:00Z" for hour in range(4))
GATED = Trouble("Gated", "Accept the licence.", "p")
HUB_DOWN = Trouble("HubUnreachable", "The hub is away.", "p")
NO_NODE = Trouble("Unschedulable", "No GPU.", "p")

ROLLING = Record(change=Change(version=B, began=BEGAN, rolled_at=ROLLED, serving=A))
"""From A to B, B in the pod template."""

FETCHING = Record(change=Change(version=B, began=NOW))
RETURNING = Record(change=Change(version=A, began=NOW, rolled_at=NOW, is_return=True))
PATIENT = Policy(allow_downtime=True, surge_wait_s=60)


def step(
    asked: Version,
    live: Live | None,
    record: Record = Record(),  # noqa: B008 - frozen
    fetch: Fetch = Fetch(),  # noqa: B008 - frozen
    *,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    shape: str = "shape",
    now: str = NOW,
) -> Decision:
    return decide(Asked(asked, shape, policy), record, live, fetch, now)


def failed(version: Version, code: str = "Gated", shape: str = "shape") -> FinalVerdict:
    return FinalVerdict(version=version, shape=shape, code=code, message="It failed.", began=BEGAN, at=NOW)


def test_a_first_creation_is_applied_and_remembers_nothing() -> None:
    decision = step(A, None)
    assert (decision.state, decision.version, decision.record) == (State.CREATING, A, Record())


def test_a_version_that_serves_is_at_rest_and_leaves_nothing_on_the_deployment() -> None:
    decision = step(A, Live(A, is_complete=True))
    assert (decision.state, decision.version, decision.record.text()) == (State.ACTIVE, A, "")


@pytest.mark.parametrize(
    ("fetch", "state"), [(FetchStep.RUNNING, State.FETCHING), (FetchStep.CHECKING, State.VERIFYING)]
)
def test_a_fetch_holds_the_template_while_it_lasts(fetch: FetchStep, state: State) -> None:
    decision = step(B, Live(A, is_complete=True), fetch=Fetch(fetch))
    assert (decision.state, decision.holds_template, decision.fetches) == (state, True, B)
    assert decision.record.change == Change(version=B, began=NOW)


@pytest.mark.parametrize("fetch", [FetchStep.UNNEEDED, FetchStep.DONE])
def test_what_is_there_is_rolled_with_a_note_of_what_serves(fetch: FetchStep) -> None:
    decision = step(B, Live(A, is_complete=True), FETCHING, Fetch(fetch))
    assert (decision.state, decision.version, decision.holds_template) == (State.ROLLING, B, False)
    assert decision.record.change == Change(version=B, began=NOW, rolled_at=NOW, serving=A)
    assert decision.held_record.change == Change(version=B, began=NOW), "without a slot nothing is rolled"
    assert decision.fetches == (B if fetch is FetchStep.DONE else None), "the Job stays until the template has changed"


def test_a_rolling_version_goes_on_while_its_pods_start() -> None:
    decision = step(B, Live(B), ROLLING)
    assert (decision.state, decision.version, decision.record) == (State.ROLLING, B, ROLLING)


def test_a_version_in_all_pods_is_active() -> None:
    decision = step(B, Live(B, is_complete=True), ROLLING)
    assert (decision.state, decision.record) == (State.ACTIVE, Record())
    assert [(each.version, each.code) for each in decision.endings] == [(B, "Active")]


def test_a_final_failure_of_new_pods_returns_to_what_served_with_a_verdict() -> None:
    decision = step(B, Live(B, trouble=GATED), ROLLING)
    assert (decision.state, decision.version, decision.is_return) == (State.ROLLED_BACK, A, True)
    assert decision.record.change == Change(version=A, began=NOW, rolled_at=NOW, is_return=True)
    assert [(each.version, each.shape, each.code) for each in decision.record.verdicts] == [(B, "shape", "Gated")]
    assert [each.code for each in decision.endings] == ["Gated"]


def test_a_final_failure_of_the_fetch_never_touches_the_template() -> None:
    decision = step(B, Live(A, is_complete=True), FETCHING, Fetch(FetchStep.RUNNING, GATED))
    assert (decision.state, decision.version, decision.fetches) == (State.ROLLED_BACK, A, None)
    assert decision.record.change is None
    assert decision.record.verdicts[0].code == "Gated"


@pytest.mark.parametrize("trouble", [HUB_DOWN, NO_NODE, Trouble("DiskFull", "Full.", "p"), None])
def test_what_may_pass_is_tried_until_the_deadline(trouble: Trouble | None) -> None:
    fetch = Fetch(FetchStep.RUNNING, trouble)
    assert step(B, Live(A), FETCHING, fetch).state is State.FETCHING
    late = step(B, Live(A), FETCHING, fetch, now=LATE)
    assert (late.state, late.verdict and late.verdict.code) == (State.ROLLED_BACK, "DeadlineExceeded")
    assert step(B, Live(B, trouble=trouble), ROLLING).state is State.ROLLING
    timed_out = step(B, Live(B, trouble=trouble, timed_out_at=NOW), ROLLING)
    assert (timed_out.state, timed_out.verdict and timed_out.verdict.code) == (State.ROLLED_BACK, "DeadlineExceeded")
    if trouble is not None:
        assert timed_out.verdict is not None
        assert trouble.message in timed_out.verdict.message, "the last trouble is told"


def test_a_job_that_gave_up_is_over_its_deadline() -> None:
    decision = step(B, Live(A), FETCHING, Fetch(FetchStep.OVERDUE, HUB_DOWN))
    assert decision.verdict is not None
    assert (decision.verdict.code, HUB_DOWN.message in decision.verdict.message) == ("DeadlineExceeded", True)


def test_a_timeout_of_before_the_change_does_not_count() -> None:
    assert step(B, Live(B, timed_out_at=BEGAN), ROLLING).state is State.ROLLING


def test_what_failed_is_not_tried_again_in_the_same_pods_only() -> None:
    record = Record(verdicts=(failed(B),))
    again = step(B, Live(A, is_complete=True), record)
    assert (again.state, again.version, again.is_return) == (State.ROLLED_BACK, A, False)
    assert again.endings == (), "it is told once"
    assert step(B, Live(A), record, shape="with more memory").state is State.ROLLING
    assert step(B.model_copy(update={"gate": "other"}), Live(A), record).state is State.ROLLING


def test_a_way_back_that_is_done_is_forgotten_but_for_the_verdict() -> None:
    record = RETURNING.having(verdicts=(failed(B),))
    on_its_way = step(B, Live(A), record)
    assert (on_its_way.state, on_its_way.record) == (State.ROLLED_BACK, record)
    done = step(B, Live(A, is_complete=True), record)
    assert (done.state, done.record) == (State.ROLLED_BACK, Record(verdicts=(failed(B),)))
    assert done.endings == ()


def test_another_wish_in_the_middle_returns_to_what_serves_while_its_model_is_fetched() -> None:
    decision = step(C, Live(B), ROLLING, Fetch(FetchStep.RUNNING))
    assert (decision.state, decision.version, decision.fetches) == (State.FETCHING, A, C)
    assert (decision.is_return, decision.holds_template) == (True, False)
    assert decision.record.change == Change(version=C, began=NOW)


def test_another_wish_in_the_middle_that_is_there_is_rolled_at_once() -> None:
    decision = step(C, Live(B), ROLLING)
    assert (decision.version, decision.record.change and decision.record.change.serving) == (C, A)


def test_another_wish_in_the_middle_that_failed_before_is_the_way_back() -> None:
    decision = step(C, Live(B), ROLLING.having(verdicts=(failed(C),)))
    assert (decision.state, decision.version, decision.is_return) == (State.ROLLED_BACK, A, True)


def test_the_former_version_in_the_middle_is_a_way_back_without_a_verdict() -> None:
    decision = step(A, Live(B), ROLLING)
    assert (decision.state, decision.version, decision.is_return) == (State.ROLLING, A, True)
    assert decision.verdict is None
    assert step(A, Live(A), decision.record).state is State.ACTIVE


def test_a_version_that_got_into_all_pods_is_what_to_return_to_though_another_is_wanted_by_now() -> None:
    decision = step(C, Live(B, is_complete=True), ROLLING)
    assert decision.record.change is not None
    assert (decision.version, decision.record.change.serving) == (C, B)


def test_a_wish_taken_back_before_anything_changed_leaves_nothing() -> None:
    decision = step(A, Live(A, is_complete=True), FETCHING)
    assert (decision.state, decision.record, decision.fetches) == (State.ACTIVE, Record(), None)


def test_a_first_version_that_never_served_is_nothing_to_return_to() -> None:
    decision = step(B, Live(A, has_served=False, trouble=GATED))
    assert decision.record.change is not None
    assert (decision.version, decision.record.change.serving) == (B, None)
    assert step(B, Live(B, has_served=False, trouble=GATED), decision.record).state is State.ROLLING


def test_a_version_on_its_way_back_has_served_though_no_pod_of_it_is_ready_yet() -> None:
    decision = step(C, Live(A, has_served=False), RETURNING)
    assert decision.record.change is not None
    assert decision.record.change.serving == A


def test_without_a_node_it_waits_unless_downtime_is_allowed() -> None:
    live = Live(B, trouble=NO_NODE, unschedulable_s=500)
    decision = step(B, live, ROLLING)
    assert (decision.state, decision.mode, decision.record) == (State.ROLLING, None, ROLLING)


def test_without_a_node_pods_go_in_place_after_the_wait_and_after_it_was_said() -> None:
    live = Live(B, trouble=NO_NODE, unschedulable_s=30, start_s=42)
    waiting = step(B, live, ROLLING, policy=PATIENT)
    assert (waiting.mode, waiting.events, waiting.look_again_s) == (None, (), 5)
    said = step(B, replace(live, unschedulable_s=60), ROLLING, policy=PATIENT)
    assert said.mode is None
    assert ["about 42 s" in each.message for each in said.events] == [True]
    done = step(B, replace(live, unschedulable_s=61), said.record, policy=PATIENT)
    assert (done.mode, done.events) == ("inPlace", ())


def test_a_change_of_the_pods_alone_may_go_in_place_too_and_a_first_creation_has_no_place() -> None:
    live = Live(A, trouble=NO_NODE, unschedulable_s=61)
    said = step(A, live, policy=PATIENT)
    assert [event.reason for event in said.events] == ["GoingInPlace"]
    assert step(A, live, said.record, policy=PATIENT).mode == "inPlace"
    assert step(A, Live(A, is_complete=True), said.record, policy=PATIENT).record == Record()
    assert step(A, replace(live, has_former=False), policy=PATIENT).events == ()


def test_what_went_in_place_comes_back_in_place() -> None:
    change = Change(version=B, began=BEGAN, rolled_at=ROLLED, serving=A, in_place_at=NOW)
    back = step(B, Live(B, trouble=GATED), Record(change=change), policy=PATIENT)
    assert (back.version, back.mode) == (A, "inPlace")
    assert step(B, Live(A), back.record, policy=PATIENT).mode == "inPlace"
    assert step(B, Live(A, is_complete=True), back.record, policy=PATIENT).mode is None
    assert step(C, Live(A, has_served=False), back.record, policy=PATIENT).mode == "inPlace"


def test_a_new_request_for_another_try_forgets_what_failed_once() -> None:
    record = Record(verdicts=(failed(B),))
    asked = honoured(record, "monday")
    assert (asked.verdicts, asked.retry) == ((), "monday")
    judged = asked.judged(failed(B))
    assert honoured(judged, "monday") == judged


def test_a_pin_holds_until_the_model_of_the_spec_changes_and_does_not_come_back() -> None:
    record = pinned(Record(), "a", B, A)
    assert record.pin == Pin(asked="a", version=A, instead_of=B)
    assert pinned(record, "a", B.model_copy(update={"gate": "g"}), None) == record, "another gate is no other model"
    over = pinned(record, "a", C, A)
    assert over.pin is not None
    assert over.pin.version is None
    assert pinned(over, "a", B, A) == over
    assert pinned(over, "b", C, B).pin == Pin(asked="b", version=B, instead_of=C)
    assert pinned(over, "", C, None) == Record()


def test_a_record_that_was_tampered_with_counts_for_nothing() -> None:
    for text in ("", "{", "[]", '{"change": {"version": 5}}', '{"verdicts": "many"}'):
        assert Record.parse(text) == Record()


def test_a_record_is_read_as_it_was_written() -> None:
    record = ROLLING.having(verdicts=(failed(C),), retry="x", pin=Pin(asked="a", version=A, instead_of=B))
    assert Record.parse(record.text()) == record


def test_a_version_is_called_by_revision_source_or_digest() -> None:
    version = Version(source="hf://org/model@main", revision="", digest="0123456789abcdef")
    written = '{"source": "hf://org/model@main", "revision": "", "digest": "0123456789abcdef"}'
    assert version.is_called(written)
    assert not version.is_called(written.replace("main", "other"))
    assert [version.is_called(text) for text in ("main", "hf://org/model@main", "01234567", "0123456", "")] == [
        *(True, True, True),
        *(False, False),
    ]
