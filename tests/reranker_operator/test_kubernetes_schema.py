from __future__ import annotations

from reranker_operator.kubernetes_schema import of


def test_a_type_has_its_fields_by_the_names_of_the_api_and_says_which_it_needs() -> None:
    assert of("V1KeyToPath") == {
        "type": "object",
        "required": ["key", "path"],
        "properties": {
            "key": {"type": "string"},
            "mode": {"type": "integer"},
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
    assert (target["averageValue"], target["type"]) == ({"x-kubernetes-int-or-string": True}, {"type": "string"})
