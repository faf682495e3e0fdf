from __future__ import annotations

from typing import Any

import pytest
import yaml

from reranker_operator import schema_age
from reranker_operator.crd import crd, translated
from reranker_operator.spec_limits import NOT_IN_THE_RESOURCE

VALUES = {
    "cache": {"type": "ephemeral", "accessMode": "ReadWriteMany", "existingClaim": "", "image": ""},
    "autoscaling": {"enabled": False, "minReplicas": 1, "maxReplicas": 4},
    "rollout": {"mode": "surge"},
    "model": {"source": "hf://org/name@one"},
    "image": {"registry": "", "repository": "scorer", "tag": ""},
    "config": {"text": {"maxQueryTokens": None}},
}
TABLE: dict[str, Any] = {
    "modelPairTokens": {"demo": 512},
    "relations": [
        {
            "left": "config.text.maxQueryTokens",
            "relation": "<",
            "right": "modelPairTokens",
            "sentence": "maxQueryTokens must be less than the pair. Lower it.",
        }
    ],
    "combinations": [],
    "distinct": [],
    "bounds": [],
    "forms": [
        {"path": "names[]", "patterns": ["^[a-z]+$"], "sentence": "it must be a name. Correct it.", "isSecret": False}
    ],
    "image": {"patterns": ["^[a-z:]+$"], "sentence": "which is no reference. Correct it."},
    "structures": {"taints[]": "V1Taint"},
    "types": {
        "V1Taint": {
            "forms": [
                {"path": "effect", "patterns": ["^No$"], "sentence": "it must be No. Correct it.", "isSecret": False}
            ],
            "conditions": [
                {
                    "when": {"field": "key", "in": [""]},
                    "then": {"field": "effect", "given": False},
                    "sentence": "without a key there is no effect. Name a key.",
                },
                {"then": {"exactlyOne": ["key", "other"]}, "sentence": "it has one key. Leave one."},
            ],
            "inside": {"deeper[]": "V1Taint"},
        }
    },
}
SCHEMA: dict[str, Any] = {
    "$schema": "x",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "replicas": {"type": "integer", "minimum": 0, "default": 3},
        **{name: {"type": "object"} for name in NOT_IN_THE_RESOURCE},
    },
}


def schema_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": ["number", "null"]}, {"type": "number", "nullable": True}),
        ({"type": ["string", "integer"]}, {"x-kubernetes-int-or-string": True}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
        ({"type": "string", "default": "x", "title": "y", "maxLength": 3}, {"type": "string", "maxLength": 3}),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        (
            {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "boolean"}}},
            {"type": "object", "properties": {"a": {"type": "boolean"}}},
        ),
        ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
    ],
)
def test_each_keyword_has_its_translation(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert translated(given, "x") == expected


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "if", "patternProperties", "const", "format", "$ref"])
def test_an_unknown_keyword_stops_the_generator_and_is_named(keyword: str) -> None:
    with pytest.raises(ValueError, match=rf"a\.b: no translation for {keyword.replace('$', '.')}"):
        translated({"type": "object", "properties": {"b": {"type": "string", keyword: 1}}}, "a")


def test_a_structure_that_would_take_anything_stops_the_generator() -> None:
    with pytest.raises(ValueError, match=r"a\.b: it would take anything"):
        translated({"type": "object", "properties": {"b": {"type": "object"}}}, "a")


def test_a_structure_of_kubernetes_has_its_fields_and_the_chart_s_description() -> None:
    found = translated({"type": "object", "description": "Words."}, "affinity")
    assert (found["type"], found["description"]) == ("object", "Words.")
    assert set(found["properties"]) == {"nodeAffinity", "podAffinity", "podAntiAffinity"}


def test_two_types_that_are_no_quantity_stop_the_generator() -> None:
    with pytest.raises(ValueError, match="boolean or string"):
        translated({"type": ["boolean", "string"]}, "x")


def test_what_would_lend_the_operator_s_rights_is_not_in_the_resource() -> None:
    properties = schema_of(crd(SCHEMA, VALUES, TABLE))["properties"]["spec"]["properties"]
    assert set(properties) == {"replicas", "lifecycle"}


def test_the_only_default_is_the_count_that_the_scale_subresource_needs() -> None:
    text = crd(SCHEMA, VALUES, TABLE)
    assert text.count("default:") == 1
    assert schema_of(text)["properties"]["spec"]["properties"]["replicas"]["default"] == 1


def test_the_digest_tells_two_schemas_apart_and_is_found_by_the_operator(tmp_path: Any) -> None:
    folder = tmp_path / "crds"
    folder.mkdir()
    text = crd(SCHEMA, VALUES, TABLE)
    (folder / "rerankers.yaml").write_text(text)
    assert schema_age.warning(text, tmp_path) == ""
    other = {**SCHEMA, "properties": {**SCHEMA["properties"], "more": {"type": "string"}}}
    assert "kubectl apply --server-side" in schema_age.warning(crd(other, VALUES, TABLE), tmp_path)
    assert schema_age.warning("{}", tmp_path) != ""


def test_a_rule_of_the_chart_s_table_is_asked_of_the_resource_in_the_same_words() -> None:
    names = {"names": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 9}}}
    spec = schema_of(crd({**SCHEMA, "properties": {**SCHEMA["properties"], **names}}, VALUES, TABLE))["properties"][
        "spec"
    ]
    query = (
        "(has(self.config) && has(self.config.text) && has(self.config.text.maxQueryTokens) && "
        "type(self.config.text.maxQueryTokens) == int ? self.config.text.maxQueryTokens : 0)"
    )
    source = (
        "(has(self.model) && has(self.model.source) && type(self.model.source) == string ? self.model.source : "
        '"hf://org/name@one")'
    )
    pair = f'({source} == "demo" || {source}.startsWith("demo@") ? 512 : 0)'
    assert spec["x-kubernetes-validations"][0] == {
        "rule": f"{query} == 0 || {pair} == 0 || {query} < {pair}",
        "message": "maxQueryTokens must be less than the pair. Lower it.",
    }
    assert spec["properties"]["names"]["items"]["x-kubernetes-validations"] == [
        {
            "rule": 'self.matches("^[a-z]+$")',
            "message": "names[] is wrong; it must be a name. Correct it.",
            "messageExpression": r'''"names has \"" + self + "\"; it must be a name. Correct it."''',
        }
    ]


@pytest.mark.parametrize(
    ("kind", "bound", "keywords", "rule"),
    [
        ("integer", {"minimum": 0, "maximum": 9}, {"minimum": 0, "maximum": 9}, "self >= 0 && self <= 9"),
        ("number", {"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}, "self > 0.0"),
        (
            "string",
            {"enum": ["a", "b.c"]},
            {"pattern": r"^(?i:a|b\.c)$", "maxLength": 512},
            'self.lowerAscii() in ["a", "b.c"]',
        ),
        (
            "string",
            {"minLength": 1, "maxLength": 9},
            {"minLength": 1, "maxLength": 18},
            "size(self) >= 1 && size(self) <= 9",
        ),
        ("string", {"pattern": "^a$"}, {"pattern": "^a$", "maxLength": 512}, 'self.matches("^a$")'),
    ],
)
def test_a_bound_is_in_the_schema_and_in_a_rule_that_says_what_was_given(
    kind: str, bound: dict[str, Any], keywords: dict[str, Any], rule: str
) -> None:
    table = {**TABLE, "bounds": [{"path": "size", **bound, "sentence": "it must be 5% more. Correct it."}]}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "size": {"type": kind}}}
    found = schema_of(crd(schema, VALUES, table))["properties"]["spec"]["properties"]["size"]
    (asked,) = found.pop("x-kubernetes-validations")
    assert found == {"type": kind, **keywords}
    assert asked["rule"] == rule
    given = r"\"%s\"" if kind == "string" else "%s"
    assert asked["messageExpression"] == f'"size is {given}; it must be 5%% more. Correct it.".format([self])'
    assert asked.get("message", "") == ("size is wrong; it must be 5% more. Correct it." if kind == "string" else "")


def test_an_address_that_may_hold_a_password_is_in_no_pattern_and_no_message() -> None:
    bound = {"path": "size", "pattern": "^a$", "hidden": "@", "sentence": "it must be a."}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "size": {"type": "string"}}}
    found = schema_of(crd(schema, VALUES, {**TABLE, "bounds": [bound]}))["properties"]["spec"]["properties"]["size"]
    (asked,) = found.pop("x-kubernetes-validations")
    assert found == {"type": "string", "maxLength": 512}
    assert asked["messageExpression"].startswith('self.matches("@") ? "size is wrong; it must be a." : "size is ')


def test_rules_of_a_type_are_asked_wherever_it_stands_and_deep_ones_by_pattern() -> None:
    text = {"type": "string"}
    deeper = {"type": "array", "items": {"type": "object", "properties": {"effect": text}}}
    taint = {"type": "object", "properties": {"key": text, "effect": text, "deeper": deeper}}
    taints = {"taints": {"type": "array", "maxItems": 4, "items": taint}}
    spec = schema_of(crd({**SCHEMA, "properties": {**SCHEMA["properties"], **taints}}, VALUES, TABLE))["properties"]
    found = spec["spec"]["properties"]["taints"]["items"]
    assert found["x-kubernetes-validations"] == [
        {
            "rule": """!((has(self.key) ? self.key : "") in [""]) || !(has(self.effect) && size(self.effect) > 0)""",
            "message": "taints[]: without a key there is no effect. Name a key.",
        },
        {
            "rule": "[(has(self.key) && size(self.key) > 0), false].exists_one(each, each)",
            "message": "taints[]: it has one key. Leave one.",
        },
    ]
    (rule,) = found["properties"]["effect"]["x-kubernetes-validations"]
    assert rule["rule"] == 'self.matches("^No$")'
    assert found["properties"]["deeper"]["items"]["properties"]["effect"] == {"type": "string", "pattern": "^No$"}


def test_a_quantity_is_compared_as_a_number_and_as_a_text() -> None:
    size = {"type": "object", "properties": {"amount": {"type": ["string", "integer"]}}}
    condition = {"then": {"field": "amount", "in": ["", "1", "1m"]}, "sentence": "it must be 1 or 1m. Correct it."}
    types = {"V1Size": {"forms": [], "conditions": [condition], "inside": {}}}
    table = {**TABLE, "structures": {"size": "V1Size"}, "types": types}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "size": size}}
    spec = schema_of(crd(schema, VALUES, table))["properties"]["spec"]
    (rule,) = spec["properties"]["size"]["x-kubernetes-validations"]
    assert rule["rule"] == '(has(self.amount) ? self.amount in ["", "1", "1m"] || self.amount in [1] : true)'
