from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reranker_operator.kinds import Ref, ref_of
from reranker_operator.owned_pods import OwnedPods

from .bodies import controlled_by, pod, replica_set


def kept(*bodies: dict[str, Any]) -> OwnedPods:
    owned = OwnedPods()
    for body in bodies:
        owned.put(ref_of(body), body)
    return owned


def names(owned: OwnedPods, deployment_uid: str = "uid-deployment") -> set[str]:
    return {each.name for each in owned.of(deployment_uid)}


OURS = replica_set("uid-deployment")


def test_a_pod_is_the_deployment_s_by_the_chain_of_its_controllers_and_not_by_its_labels() -> None:
    owned = kept(OURS, pod("a"), pod("b", controller=""), pod("c", controller="uid-other-set"))
    assert names(owned) == {"a"}
    assert {ref.name for ref in owned.refs() if ref.kind_name == "Pod"} == {"a", "c"}


def test_an_owner_that_is_no_controller_or_no_replica_set_makes_no_pod_the_deployment_s() -> None:
    guest, direct, job = pod("guest"), pod("direct"), pod("job")
    guest["metadata"]["ownerReferences"][0]["controller"] = False
    direct["metadata"]["ownerReferences"] = [controlled_by("Deployment", "uid-deployment")]
    job["metadata"]["ownerReferences"] = [controlled_by("Job", "uid-set")]
    assert names(kept(OURS, guest, direct, job)) == set()


def test_a_pod_cannot_be_another_one_s_replica_set() -> None:
    first, second = pod("first", controller="uid-deployment"), pod("second", controller="uid-first")
    assert names(kept(first, second)) == set()


def test_a_replica_set_that_no_deployment_controls_has_no_pods_of_one() -> None:
    stray = replica_set("uid-deployment")
    stray["metadata"]["ownerReferences"] = []
    assert names(kept(stray, pod("a"))) == set()


def test_a_pod_with_its_node_s_address_has_none_of_its_own() -> None:
    (found,) = kept(OURS, {**pod("a"), "spec": {"hostNetwork": True}}).of("uid-deployment")
    assert found.address == ""


def test_whose_pod_it_was_and_is_are_both_reported_when_its_controller_changes() -> None:
    theirs = replica_set("uid-theirs", uid="uid-their-set")
    owned = kept(OURS, theirs, pod("a"))
    moved = pod("a", controller="uid-their-set")
    assert owned.put(ref_of(moved), moved) == {"uid-deployment", "uid-theirs"}
    assert (names(owned), names(owned, "uid-theirs")) == (set(), {"a"})
    assert owned.put(ref_of(moved), pod("a", controller="")) == {"uid-theirs"}


BODIES = st.one_of(
    st.builds(pod, st.sampled_from(["a", "b"]), controller=st.sampled_from(["uid-1", "uid-2", ""])),
    st.builds(replica_set, st.sampled_from(["uid-deployment", "uid-theirs"]), uid=st.sampled_from(["uid-1", "uid-2"])),
)


@given(st.lists(st.tuples(BODIES, st.booleans()), max_size=12))
def test_the_order_in_which_events_arrive_does_not_matter(events: list[tuple[dict[str, Any], bool]]) -> None:
    owned = OwnedPods()
    live: dict[Ref, dict[str, Any]] = {}
    for body, is_gone in events:
        if is_gone:
            owned.drop(ref_of(body))
            live.pop(ref_of(body), None)
        else:
            owned.put(ref_of(body), body)
            live[ref_of(body)] = body
    again = kept(*reversed(live.values()))
    for deployment in ("uid-deployment", "uid-theirs"):
        assert names(owned, deployment) == names(again, deployment)
    for ref in list(live):
        owned.drop(ref)
    assert (owned.refs(), names(owned)) == ([], set())
