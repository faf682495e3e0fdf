from __future__ import annotations

from typing import Any

import pytest

from reranker_operator.errors import NotAllowed
from reranker_operator.spec_limits import FIELDS, AllowedNames

OURS = "bge-reranker-mine"


def refused(spec: dict[str, Any], allowed: AllowedNames | None = None) -> str:
    """What is said of it; empty if it passes."""
    try:
        (allowed or AllowedNames()).check(spec)
    except NotAllowed as error:
        return error.sentence()
    return ""


def with_value(path: str, value: Any) -> dict[str, Any]:
    """A spec with one value."""
    step, _, rest = path.partition(".")
    inner = with_value(rest, value) if rest else value
    return {step.removesuffix("[]"): [inner] if step.endswith("[]") else inner}


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_a_name_that_matches_no_pattern_is_refused_with_field_limit_and_remedy(field: Any) -> None:
    kind = field.kind.noun
    assert refused(with_value(field.path, f"{field.scheme}other/path" if field.scheme else "other")) == (
        f"{field.path} is other, but a Reranker may only name {kind}s that match bge-reranker-*. Rename the {kind}, or "
        f"have operator.allowedNames.{field.kind.key} list its name."
    )
    assert refused(with_value(field.path, field.scheme + OURS)) == ""
    assert refused(with_value(field.path, "")) == ""


def test_a_spec_that_names_nothing_passes() -> None:
    assert refused({}) == ""
    assert refused({"model": {"source": "hf://org/name"}, "secrets": {"hubToken": {"key": "token"}}}) == ""
    assert (
        refused({"extraVolumes": [{"name": "scratch", "emptyDir": {}}], "extraEnv": [{"name": "A", "value": "b"}]})
        == ""
    )


@pytest.mark.parametrize(
    ("patterns", "name", "is_allowed"),
    [
        (("hub",), "hub", True),
        (("hub",), "hub2", False),
        (("hub",), "a-hub", False),
        (("*",), "anything.at-all", True),
        (("a-*", "*-b"), "x-b", True),
        (("team.*",), "team.x", True),
        (("team.*",), "teamsx", False),
        (("bge-reranker-*",), "bge-reranker-", True),
        (("bge-reranker-*",), "bge-reranker-a\nb", False),
        (("bge-reranker-*",), "bge-reranker-a/../b", False),
        (("*",), "Not A Name", False),
        ((), OURS, False),
    ],
)
def test_a_star_stands_for_any_part_of_a_name_and_nothing_else_does(
    patterns: tuple[str, ...],
    name: str,
    is_allowed: bool,  # noqa: FBT001 - a parameter
) -> None:
    said = refused({"secrets": {"hubToken": {"name": name}}}, AllowedNames(secrets=patterns))
    assert (said == "") is is_allowed


def test_without_a_pattern_no_object_of_the_kind_may_be_named() -> None:
    said = refused({"cache": {"existingClaim": OURS}}, AllowedNames(claims=()))
    assert said.startswith(f"cache.existingClaim is {OURS}, but a Reranker may name no PersistentVolumeClaims. ")


def test_all_that_is_too_much_is_reported_at_once_and_each_remedy_once() -> None:
    said = refused(
        {"secrets": {"hubToken": {"name": "a"}, "s3": {"name": "b"}}, "priorityClassName": "system-node-critical"}
    )
    assert "secrets.hubToken.name is a" in said
    assert "secrets.s3.name is b" in said
    assert "priorityClassName begins with system-" in said
    assert said.count("Rename the Secret") == 1


VOLUMES = [
    {"hostPath": {"path": "/"}},
    {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
    {"csi": {"driver": "secrets-store.csi.k8s.io"}},
    {"nfs": {"server": "10.0.0.1", "path": "/"}},
    {"ephemeral": {"volumeClaimTemplate": {"spec": {"dataSource": {"kind": "PersistentVolumeClaim", "name": "db"}}}}},
    {"emptyDir": {}, "hostPath": {"path": "/"}},
]


@pytest.mark.parametrize("volume", VOLUMES, ids="+".join)
def test_a_kind_of_volume_that_reaches_further_is_refused_by_its_name(volume: dict[str, Any]) -> None:
    kind = next(kind for kind in volume if kind != "emptyDir")
    said = refused({"extraVolumes": [{"name": "x", **volume}]})
    assert said.startswith(f"extraVolumes[] has {kind}, but a Reranker may only have configMap, downwardAPI, emptyDir")
    assert said.endswith("Take one of these, or install by Helm.")


def test_a_variable_from_elsewhere_is_refused() -> None:
    said = refused({"extraEnv": [{"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "x"}}}]})
    assert said.startswith(
        "extraEnv[].valueFrom has fileKeyRef, but a Reranker may only have configMapKeyRef, fieldRef"
    )


def test_an_annotation_that_loosens_the_pods_is_refused() -> None:
    loose = {"container.apparmor.security.beta.kubernetes.io/scorer": "unconfined"}
    assert "changes the security context of the pods" in refused({"podAnnotations": loose})
    assert refused({"podAnnotations": {"team": "search"}}) == ""
