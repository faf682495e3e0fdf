from __future__ import annotations

import json

import pytest
from kubernetes.aio.client.exceptions import ApiException

from reranker_operator.cluster import collection, path_of, translated
from reranker_operator.errors import ClusterUnavailable, Contended, KindNotInstalled, OperatorError, RefusedByCluster
from reranker_operator.kinds import DEPLOYMENT, SERVICE, Ref


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


def test_an_answer_that_is_no_status_object_is_still_told() -> None:
    error = ApiException(status=502, reason="Bad Gateway")
    error.body = "<html>"
    assert "Bad Gateway" in translated(error, "get /x").message


def test_paths_are_those_of_the_api() -> None:
    assert collection(SERVICE, "search") == "/api/v1/namespaces/search/services"
    assert collection(DEPLOYMENT) == "/apis/apps/v1/deployments"
    assert path_of(Ref("apps/v1", "Deployment", "search", "x")) == "/apis/apps/v1/namespaces/search/deployments/x"
