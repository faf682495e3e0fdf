from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reranker_operator.rollout import Apply, HandOver, Observed, Stage, Wanted, plan, stage
from reranker_operator.snapshots import DeploymentState

COUNTS = st.integers(0, 5)
REASONS = st.sampled_from(["", "NewReplicaSetAvailable", "ReplicaSetUpdated", "ProgressDeadlineExceeded"])
STATES = st.builds(
    DeploymentState,
    generation=st.integers(1, 4),
    observed_generation=st.integers(0, 4),
    revision=st.integers(0, 4),
    replicas=COUNTS,
    updated=COUNTS,
    ready=COUNTS,
    available=COUNTS,
    progress_reason=REASONS,
    failure_message=st.just(""),
)
OBSERVED = st.builds(
    Observed,
    state=st.none() | STATES,
    live_replicas=COUNTS,
    owns_replicas=st.booleans(),
    template_differs=st.booleans(),
    has_slot=st.booleans(),
)
WANTED = st.builds(Wanted, replicas=st.none() | COUNTS)

DONE = DeploymentState(2, 2, 2, 2, 2, 2, 2, "NewReplicaSetAvailable", "")


@given(WANTED, OBSERVED)
def test_every_plan_ends_in_applying(wanted: Wanted, observed: Observed) -> None:
    actions = plan(wanted, observed)
    assert isinstance(actions[-1], Apply)
    assert all(isinstance(action, HandOver) for action in actions[:-1])


@given(WANTED, OBSERVED)
def test_a_first_creation_never_waits(wanted: Wanted, observed: Observed) -> None:
    assert plan(wanted, replace(observed, state=None)) == (Apply(),)


@given(WANTED, OBSERVED, STATES)
def test_the_template_alone_waits_and_only_where_it_changes_without_a_slot(
    wanted: Wanted, observed: Observed, state: DeploymentState
) -> None:
    observed = replace(observed, state=state)
    held = Apply(holds_template=observed.template_differs and not observed.has_slot)
    assert plan(wanted, observed)[-1] == held


@given(OBSERVED, STATES)
def test_a_count_that_we_own_is_handed_over_before_we_stop_naming_one(
    observed: Observed, state: DeploymentState
) -> None:
    observed = replace(observed, state=state, owns_replicas=True, template_differs=False)
    assert plan(Wanted(None), observed) == (HandOver(observed.live_replicas), Apply())


@given(COUNTS, OBSERVED)
def test_a_count_of_the_spec_is_applied_at_once_never_by_way_of_one(count: int, observed: Observed) -> None:
    assert all(not isinstance(action, HandOver) for action in plan(Wanted(count), observed))


@given(STATES)
def test_a_stuck_change_has_given_its_slot_back(state: DeploymentState) -> None:
    stuck = replace(state, progress_reason="ProgressDeadlineExceeded", observed_generation=state.generation)
    assert not stuck.is_changing


def test_a_first_creation_is_no_change() -> None:
    assert not replace(DONE, revision=1, updated=1, available=0, progress_reason="ReplicaSetUpdated").is_changing


def test_a_deployment_whose_controller_has_not_seen_the_change_is_changing() -> None:
    assert replace(DONE, generation=3).is_changing


def test_stages_follow_a_rolling_change() -> None:
    assert stage(None, 2, is_waiting=False) is Stage.CREATING
    first = DeploymentState(1, 1, 1, 2, 2, 0, 0, "ReplicaSetUpdated", "")
    assert stage(first, 2, is_waiting=False) is Stage.CREATING
    assert stage(DONE, 2, is_waiting=False) is Stage.COMPLETE
    assert stage(replace(DONE, generation=3), 2, is_waiting=False) is Stage.ROLLING
    rolling = replace(DONE, revision=3, replicas=3, updated=1, progress_reason="ReplicaSetUpdated")
    assert stage(rolling, 2, is_waiting=False) is Stage.ROLLING
    assert stage(replace(rolling, progress_reason="ProgressDeadlineExceeded"), 2, is_waiting=False) is Stage.STUCK
    assert stage(DONE, 2, is_waiting=True) is Stage.PENDING
    assert stage(DONE, 3, is_waiting=False) is Stage.SCALING
    assert stage(None, 2, is_waiting=False, is_moving=True) is Stage.MOVING
    stuck = replace(first, progress_reason="ProgressDeadlineExceeded")
    assert stage(stuck, 2, is_waiting=False, is_moving=True) is Stage.STUCK
    assert (
        stage(DeploymentState(2, 2, 2, 0, 0, 0, 0, "NewReplicaSetAvailable", ""), 0, is_waiting=False) is Stage.ASLEEP
    )
