from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException
from typing_extensions import override

from reranker_operator.cluster import KubernetesCluster, collection, path_of, translated
from reranker_operator.errors import ClusterUnavailable, Contended, KindNotInstalled, OperatorError, RefusedByCluster
from reranker_operator.kinds import DEPLOYMENT, SERVICE, Ref

from .bodies import reranker


class Played(KubernetesCluster):
    """Answers in turn."""

    def __init__(self, *answers: dict[str, Any] | OperatorError) -> None:
        self._answers = list(answers)

    @override
    async def _request(self, method: str, path: str, **kwargs: Any) -> Any:
        del method, path, kwargs
        answer = self._answers.pop(0)
        if isinstance(answer, OperatorError):
            raise answer
        return answer


def refused(status: int, message: str, headers: dict[str, str] | None = None, reason: str = "") -> OperatorError:
    error = ApiException(status=status, reason="")
    error.body = json.dumps({"message": message, "reason": reason})
    error.headers = headers or {}
    return translated(error, "patch /x")


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (422, "spec.replicas: Invalid value", RefusedByCluster),
        (403, "exceeded quota", RefusedByCluster),
        (400, "unknown field", RefusedByCluster),
        (403, "namespace x because it is being terminated", ClusterUnavailable),
        (404, "the server could not find the requested resource", KindNotInstalled),
        (404, 'namespaces "search" not found', RefusedByCluster),
        (404, 'deployments.apps "namespaces" not found', KindNotInstalled),
        (409, "conflict with manager", Contended),
        (429, "too many requests", ClusterUnavailable),
        (500, "etcd", ClusterUnavailable),
        (500, "failed to create typed patch object (x; apps/v1): .spec.y: field not declared", RefusedByCluster),
        (503, "", ClusterUnavailable),
    ],
)
def test_refusals_become_errors_of_ours_that_quote_them(status: int, message: str, kind: type[OperatorError]) -> None:
    error = refused(status, message)
    assert type(error) is kind
    assert message in error.message


def test_the_pause_that_the_api_server_asks_for_is_kept() -> None:
    assert refused(429, "", {"Retry-After": "7"}).retry_after_s == 7
    assert refused(429, "", {"Retry-After": "soon"}).retry_after_s is None


def test_an_answer_that_is_no_status_object_is_still_reported() -> None:
    error = ApiException(status=502, reason="Bad Gateway")
    error.body = "<html>"
    assert "Bad Gateway" in translated(error, "get /x").message


def test_paths_are_those_of_the_api() -> None:
    assert collection(SERVICE, "search") == "/api/v1/namespaces/search/services"
    assert collection(DEPLOYMENT) == "/apis/apps/v1/deployments"
    assert path_of(Ref("apps/v1", "Deployment", "search", "x")) == "/apis/apps/v1/namespaces/search/deployments/x"


NOT_FOUND = KindNotInstalled('rerankers "products" not found')


@pytest.mark.parametrize("found", [NOT_FOUND, {"metadata": {"uid": "of a namesake"}}])
def test_a_status_has_no_place_where_the_reranker_is_gone(found: dict[str, Any] | OperatorError) -> None:
    assert asyncio.run(Played(NOT_FOUND, found).write_status(reranker(), {})) is None


def test_a_status_that_the_crd_has_no_place_for_is_no_end_of_the_reranker() -> None:
    there = {"metadata": {"uid": reranker().uid}}
    with pytest.raises(KindNotInstalled):
        asyncio.run(Played(NOT_FOUND, there).write_status(reranker(), {}))
    assert asyncio.run(Played({"metadata": {"resourceVersion": "7"}}).write_status(reranker(), {})) == "7"
