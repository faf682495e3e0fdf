from __future__ import annotations

from typing import Any

import pytest

from reranker_operator.drift import HANDOVER_MANAGER, additions


def fields(manager: str, spec: dict[str, Any], operation: str = "Update", **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": spec}, **more}


SCORER = 'k:{"name":"scorer"}'
OURS = fields(
    "reranker-operator",
    {
        "f:replicas": {},
        "f:template": {"f:spec": {"f:containers": {SCORER: {".": {}, "f:image": {}, "f:name": {}}}}},
    },
    "Apply",
)


def in_the_pod(spec: dict[str, Any]) -> dict[str, Any]:
    return {"f:template": {"f:spec": spec}}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            fields(
                "kubectl-edit",
                in_the_pod({"f:containers": {'k:{"name":"sidecar"}': {".": {}, "f:image": {}, "f:name": {}}}}),
            ),
            ("kubectl-edit set spec.template.spec.containers[sidecar]",),
        ),
        (
            fields("kubectl-edit", in_the_pod({"f:containers": {SCORER: {"f:command": {}, "f:image": {}}}})),
            ("kubectl-edit set spec.template.spec.containers[scorer].command",),
        ),
        (
            fields(
                "kubectl-set",
                in_the_pod(
                    {"f:containers": {SCORER: {"f:env": {".": {}, 'k:{"name":"A"}': {".": {}, "f:value": {}}}}}}
                ),
            ),
            ("kubectl-set set spec.template.spec.containers[scorer].env[A]",),
        ),
        (
            fields("kubectl-rollout", {"f:paused": {}}),
            ("kubectl-rollout set spec.paused",),
        ),
        (
            fields("argo", {"f:template": {"f:metadata": {"f:labels": {"f:team.example/x": {}}}}}, "Apply"),
            ("argo set spec.template.metadata.labels[team.example/x]",),
        ),
        (
            fields("argo", {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}}, "v:x": {}}, "f:a": {"i:0": {}}}),
            ("argo set spec.a[0], spec.ports[80,TCP], spec.ports[x]",),
        ),
        (
            fields(
                "kubectl-rollout",
                {"f:template": {"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}}}},
            ),
            (),
        ),
        (fields("kubectl", {"f:replicas": {}}, subresource="scale"), ()),
        (fields("kubectl-edit", {"f:replicas": {}}), ()),
        (fields("helm", in_the_pod({"f:containers": {SCORER: {"f:image": {}}}})), ()),
        (fields("k3s", {"f:volumeName": {}}), ()),
        (fields("kube-controller-manager", {"f:anything": {}}), ()),
        (fields(HANDOVER_MANAGER, {"f:replicas": {}}, "Apply"), ()),
        ({"manager": "rival", "fieldsV1": {"f:metadata": {"f:annotations": {"f:note": {}}}}}, ()),
        ({"manager": "rival"}, ()),
        ({"manager": "rival", "fieldsV1": {"f:spec": {"k:[": {}}}}, ("rival set spec[[]",)),
    ],
)
def test_who_added_what_is_named_and_nothing_that_is_no_drift(entry: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert additions([OURS, entry]) == expected


def test_an_object_that_nobody_else_wrote_has_not_drifted() -> None:
    assert additions([OURS]) == additions([]) == ()
