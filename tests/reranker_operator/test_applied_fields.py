from __future__ import annotations

from typing import Any

import pytest

from reranker_operator.applied_fields import applied_part

TEMPLATE: dict[str, Any] = {
    "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now", "ours": "1"}, "labels": {"app": "x"}},
    "spec": {
        "containers": [
            {"name": "sidecar", "image": "theirs"},
            {
                "name": "scorer",
                "image": "ours",
                "imagePullPolicy": "IfNotPresent",
                "args": ["serve"],
                "env": [{"name": "A", "value": "1"}, {"name": "THEIRS", "value": "2"}],
                "ports": [{"containerPort": 8000, "name": "http", "protocol": "TCP"}],
                "resources": {},
            },
        ],
        "restartPolicy": "Always",
        "volumes": [{"name": "temporary", "emptyDir": {}}],
    },
}
OWNED: dict[str, Any] = {
    "f:metadata": {"f:annotations": {"f:ours": {}}, "f:labels": {"f:app": {}}},
    "f:spec": {
        "f:containers": {
            'k:{"name":"scorer"}': {
                ".": {},
                "f:name": {},
                "f:image": {},
                "f:args": {},
                "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
                "f:ports": {
                    'k:{"containerPort":8000,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:name": {}}
                },
                "f:resources": {},
            }
        },
        "f:volumes": {'k:{"name":"temporary"}': {".": {}, "f:name": {}, "f:emptyDir": {}}},
    },
}


def live(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}, "spec": {"template": TEMPLATE}}


def entry(owned: dict[str, Any], manager: str = "ours", operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": owned}, **more}


def test_only_what_the_manager_applied_is_its_part() -> None:
    assert applied_part(live(entry({"f:template": OWNED})), "ours", "template") == {
        "metadata": {"annotations": {"ours": "1"}, "labels": {"app": "x"}},
        "spec": {
            "containers": [
                {
                    "name": "scorer",
                    "image": "ours",
                    "args": ["serve"],
                    "env": [{"name": "A", "value": "1"}],
                    "ports": [{"containerPort": 8000, "name": "http", "protocol": "TCP"}],
                    "resources": {},
                }
            ],
            "volumes": [{"name": "temporary", "emptyDir": {}}],
        },
    }


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (entry({"f:template": OWNED}, manager="theirs"),),
        (entry({"f:template": OWNED}, operation="Update"),),
        (entry({"f:template": OWNED}, subresource="scale"),),
        (entry({"f:replicas": {}}),),
    ],
)
def test_who_applied_nothing_of_it_has_no_part(entries: tuple[dict[str, Any], ...]) -> None:
    assert applied_part(live(*entries), "ours", "template") is None


def test_elements_of_a_set_are_known_by_their_value() -> None:
    body = {
        "metadata": {"managedFields": [entry({"f:modes": {'v:"b"': {}, "v:3": {}}})]},
        "spec": {"modes": ["a", "b", 3]},
    }
    assert applied_part(body, "ours", "modes") == ["b", 3]
