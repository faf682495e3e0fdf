"""Whatever happens to a change of the model in whatever order, it ends, and what served goes on serving."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from reranker_operator.model_change import State

from .model_world import ENDS, GOOD, REPLICAS, VERSIONS, World

CODES = (GOOD, "Gated", "DigestMismatch", "UnknownModel", "HubUnreachable", "DiskFull", "ImagePull", "OutOfMemory")
ROUNDS_TO_AN_END = 80

Happening = Callable[[World], None]


def setting(name: str, value: object) -> Happening:
    def happen(world: World) -> None:
        setattr(world, name, value)

    return happen


def fated(number: int, code: str) -> Happening:
    def happen(world: World) -> None:
        world.fates[VERSIONS[number]] = code

    return happen


def agreeing(number: int, tau: float) -> Happening:
    def happen(world: World) -> None:
        world.taus[VERSIONS[number]] = tau

    return happen


def looked_at(world: World) -> None:
    world.round()


SWITCHES = ("has_spare", "has_slot", "is_hub_up", "is_suspended", "is_shadowed", "compares")
HAPPENINGS = st.one_of(
    st.builds(setting, st.just("asked"), st.sampled_from(VERSIONS)),
    st.builds(fated, st.integers(1, 3), st.sampled_from(CODES)),
    st.builds(setting, st.sampled_from(SWITCHES), st.booleans()),
    st.builds(agreeing, st.integers(1, 3), st.sampled_from([1.0, 0.5])),
    st.builds(setting, st.just("retry"), st.sampled_from(["", "monday", "tuesday"])),
    st.builds(setting, st.just("rollback"), st.sampled_from(["", "a", "b", "z"])),
    st.just(looked_at),
    st.just(World.tick),
)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.booleans(), st.lists(HAPPENINGS, max_size=40), st.booleans())
def test_every_order_of_events_ends_active_or_rolled_back_and_never_without_what_served(
    has_shared_volume: bool,  # noqa: FBT001 - drawn
    allow_downtime: bool,  # noqa: FBT001 - drawn
    happenings: list[Happening],
    is_hub_up: bool,  # noqa: FBT001 - drawn
) -> None:
    world = World(has_shared_volume, allow_downtime)
    for happen in happenings:
        happen(world)
    world.is_suspended, world.has_slot, world.is_hub_up = False, True, is_hub_up
    decision = None
    for _ in range(ROUNDS_TO_AN_END):
        decision = world.round()
        world.tick()
    assert decision is not None
    assert decision.state in ENDS
    assert world.is_serving
    assert world.shadow is None, "nothing is left beside what serves"
    assert world.least_ready >= (REPLICAS - 1 if allow_downtime else REPLICAS)
    if decision.state is State.ACTIVE and world.has_spare:
        assert set(world.ready) == {world.template}
        assert world.record == "" or decision.record.change is None
    last = world.record
    world.round()
    assert world.record == last, "an end stays as it is"
