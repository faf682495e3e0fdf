from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reranker_operator.adopt import MANAGED_BY, MANAGER, adopt, check_ownership, owner_reference
from reranker_operator.errors import FormerChild, KindNotInstalled, NotOwned

from .bodies import NAMESPACE, claim, deployment, reranker, service


def live(body: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "namespace": NAMESPACE, "uid": "x", **metadata}}


def owner(name: str, kind: str = "Reranker", uid: str = "uid-2", *, controls: bool = True) -> list[dict[str, Any]]:
    return [{"apiVersion": "v1", "kind": kind, "name": name, "uid": uid, "controller": controls}]


@given(st.sampled_from([deployment(), service(), claim()]), st.dictionaries(st.text("ab", min_size=1), st.text("ab")))
def test_adoption_changes_nothing_but_owner_manager_and_namespace(body: dict[str, Any], labels: dict[str, str]) -> None:
    body = copy.deepcopy(body)
    body["metadata"]["labels"] |= labels
    before = copy.deepcopy(body)
    (adopted,) = adopt([body], reranker())
    assert body == before
    assert adopted["metadata"].pop("ownerReferences") == [owner_reference(reranker())]
    assert adopted["metadata"]["labels"].pop(MANAGED_BY) == MANAGER
    assert adopted["metadata"].pop("namespace") == NAMESPACE
    before["metadata"]["labels"].pop(MANAGED_BY)
    assert adopted == before


def test_a_retained_claim_gets_no_owner_because_the_garbage_collector_would_take_it() -> None:
    (adopted,) = adopt([claim(is_retained=True)], reranker())
    assert "ownerReferences" not in adopted["metadata"]
    assert adopted["metadata"]["labels"][MANAGED_BY] == MANAGER


def test_a_kind_that_is_not_in_the_list_is_refused_by_name() -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    with pytest.raises(KindNotInstalled, match="Secret of v1"):
        adopt([body], reranker())


def test_our_own_object_passes() -> None:
    (adopted,) = adopt([service()], reranker())
    check_ownership(adopted, reranker())


def test_what_was_ours_and_is_nobodys_now_passes() -> None:
    body = live(claim())
    body["metadata"]["labels"] = {MANAGED_BY: MANAGER}
    check_ownership(body, reranker())


@pytest.mark.parametrize("body", [claim("other"), service("other")])
def test_what_is_kept_for_another_reranker_is_refused(body: dict[str, Any]) -> None:
    body = live(body)
    body["metadata"]["labels"] = {**body["metadata"]["labels"], MANAGED_BY: MANAGER}
    with pytest.raises(NotOwned, match="is kept for Reranker other"):
        check_ownership(body, reranker())


def test_an_object_of_a_helm_release_is_refused_with_the_way_out() -> None:
    with pytest.raises(NotOwned, match="Deployment products exists and is managed by Helm") as caught:
        check_ownership(live(deployment()), reranker())
    assert "Uninstall the Helm release" in caught.value.remedy


def test_an_object_made_by_hand_is_refused() -> None:
    with pytest.raises(NotOwned, match="not managed by this operator"):
        check_ownership(live(service(), labels={}), reranker())


@pytest.mark.parametrize("kind", ["Deployment", "Reranker"])
def test_an_object_of_another_controller_is_refused(kind: str) -> None:
    labels = {MANAGED_BY: MANAGER}
    with pytest.raises(NotOwned, match=f"controlled by {kind} other"):
        check_ownership(live(service(), labels=labels, ownerReferences=owner("other", kind)), reranker())


@pytest.mark.parametrize(
    ("finalizer", "needs_person"),
    [
        ("foregroundDeletion", False),
        ("service.kubernetes.io/load-balancer-cleanup", False),
        ("gateway.networking.k8s.io/x", False),
        ("backup.example/hold", True),
    ],
)
def test_a_former_child_that_a_foreign_finalizer_holds_is_a_person_s_turn(
    finalizer: str, *, needs_person: bool
) -> None:
    live = adopt([service()], reranker(uid="former"))[0]
    live["metadata"] |= {"finalizers": [finalizer], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    with pytest.raises(FormerChild) as raised:
        check_ownership(live, reranker())
    assert raised.value.needs_person == needs_person
    assert ("waits for the finalizer backup.example/hold. See why" in raised.value.sentence()) == needs_person


def test_a_child_of_a_former_reranker_of_the_same_name_is_waited_for() -> None:
    with pytest.raises(FormerChild, match="former Reranker products"):
        check_ownership(live(service(), ownerReferences=owner("products")), reranker())


def test_an_owner_that_does_not_control_counts_for_nothing() -> None:
    labels = {MANAGED_BY: MANAGER}
    check_ownership(live(service(), labels=labels, ownerReferences=owner("other", controls=False)), reranker())
