from __future__ import annotations

from reranker_operator.errors import ClusterUnavailable, RefusedByCluster
from reranker_operator.patience import patiently

from .rounds import in_a_loop


@in_a_loop
async def test_an_operator_without_its_rights_waits_for_them_and_says_which_one_is_missing() -> None:
    refused: list[bool] = []
    answers: list[Exception | str] = [
        RefusedByCluster("leases is forbidden", retry_after_s=0.001),
        ClusterUnavailable("away", retry_after_s=0.001),
        RefusedByCluster("leases is forbidden", retry_after_s=0.001),
        "taken",
    ]

    async def ask() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await patiently(ask, refused.append) == "taken"
    assert refused == [False, True, False, False, False, True, False]
