from __future__ import annotations

from typing import Any

from reranker_operator.process import Operator
from reranker_operator.settings import Settings

from .bodies import reranker


def test_the_late_end_of_a_former_reranker_leaves_its_namesake_served() -> None:
    cluster: Any = None
    operator = Operator(Settings(), cluster, "first")
    former, namesake = reranker(uid="uid-1"), reranker(uid="uid-2")
    operator._told(former, False)
    operator._told(namesake, False)
    operator._told(former, True)
    assert operator._rerankers == {namesake.key: namesake}
    operator._told(namesake, True)
    assert operator._rerankers == {}
