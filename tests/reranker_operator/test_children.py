from __future__ import annotations

import pytest

from reranker_operator.children import Children
from reranker_operator.kinds import Ref
from reranker_operator.resource import Key

from .bodies import NAMESPACE, seen


def test_an_answer_that_the_watch_has_overtaken_is_not_taken_back() -> None:
    store = Children(lambda _: None)
    ref = Ref("v1", "Service", NAMESPACE, "a")
    store.put(ref, seen("a", 9))
    store.put(ref, seen("a", 8))
    child = store.child(ref)
    assert child is not None
    assert child.version == 9


@pytest.mark.parametrize("owner", ["products", "other"])
def test_a_child_belongs_to_its_owner_and_moves_with_it(owner: str) -> None:
    store = Children(lambda _: None)
    ref = Ref("v1", "Service", NAMESPACE, "a")
    store.put(ref, seen("a", 1))
    store.put(ref, seen("a", 2, owner))
    assert [len(store.of(Key(NAMESPACE, name))) for name in ("products", "other")] == (
        [1, 0] if owner == "products" else [0, 1]
    )
