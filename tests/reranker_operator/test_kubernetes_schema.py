from __future__ import annotations

from reranker_operator.kubernetes_schema import BOUNDS, inner_types, of


def test_a_type_has_its_fields_by_the_names_of_the_api_and_says_which_it_needs() -> None:
    assert of("V1KeyToPath") == {
        "type": "object",
        "required": ["key", "path"],
        "properties": {
            "key": {"type": "string"},
            "mode": {"type": "integer", "minimum": 0, "maximum": 511},
            "path": {"type": "string"},
            "user": {"type": "integer"},
        },
    }


def test_lists_maps_and_types_within_types_are_written_out() -> None:
    selector = of("V1TopologySpreadConstraint")["properties"]["labelSelector"]
    assert selector["properties"]["matchLabels"] == {"type": "object", "additionalProperties": {"type": "string"}}
    expressions = selector["properties"]["matchExpressions"]
    assert expressions["items"]["properties"]["values"] == {"type": "array", "items": {"type": "string"}}


def test_a_quantity_may_be_a_number() -> None:
    size = of("V1EmptyDirVolumeSource")["properties"]["sizeLimit"]
    assert size == {"x-kubernetes-int-or-string": True}
    target = of("V2MetricSpec")["properties"]["pods"]["properties"]["target"]["properties"]
    positive = {"x-kubernetes-int-or-string": True, "minimum": 0.001}
    assert (target["averageValue"], target["type"]) == (positive, {"type": "string"})
    resources = of("V1Container")["properties"]["resources"]["properties"]
    assert resources["limits"]["additionalProperties"] == {"x-kubernetes-int-or-string": True}


def test_types_within_a_type_are_known_by_field() -> None:
    assert inner_types("V1NodeSelectorTerm") == {
        "matchExpressions[]": "V1NodeSelectorRequirement",
        "matchFields[]": "V1NodeSelectorRequirement",
    }


def test_every_bound_is_of_a_field_that_there_is() -> None:
    for name, bounds in BOUNDS.items():
        assert bounds.keys() <= of(name)["properties"].keys()
