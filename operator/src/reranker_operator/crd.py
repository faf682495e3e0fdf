"""The CustomResourceDefinition, made from the chart's values schema: `python -m reranker_operator.crd CHART` prints it.

A keyword of JSON Schema without a translation stops the generator, so that nothing vanishes silently; defaults are left
out, because the API server would write today's into every resource.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from .crd_bounds import of_bounds
from .crd_rules import Schema, Table, between_fields, of_structures, of_texts
from .kubernetes_schema import of
from .schema_age import mark
from .spec_limits import NOT_IN_THE_RESOURCE

LIFECYCLE: Schema = {
    "type": "object",
    "description": "How the operator treats the resource.",
    "properties": {
        "suspend": {
            "type": "boolean",
            "description": "Whether the operator is to leave everything as it is, until this is false or gone.",
        }
    },
}
"""What steers the operator and is no value of the chart."""

NARROWED: dict[str, Schema] = yaml.safe_load((files(__package__) / "narrowed.yaml").read_text(encoding="utf-8"))
"""Parts of which a Reranker may have less than the chart takes, by path."""

_KEPT = (
    "description",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "pattern",
)
_DROPPED = ("default", "examples", "title", "$schema")

HEADER = "# Generated from values.schema.json by `make generate`.\n"


def crd(schema: Schema, values: dict[str, Any], table: Table) -> str:
    """The text of the CRD.

    Args:
        schema: The chart's values.schema.json.
        values: The chart's values.yaml with the service's settings as its `config`: the defaults of rules.
        table: The chart's files/rules.json.

    Raises:
        ValueError: If the schema has a keyword without a translation.
    """
    body = yaml.safe_load((files(__package__) / "crd.yaml").read_text(encoding="utf-8"))
    root = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root["properties"]["spec"] = spec_schema(schema, values, table)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    root["description"] += f" {mark(digest)}"
    return HEADER + yaml.dump(body, sort_keys=False, width=120, allow_unicode=True, Dumper=_PlainDumper)


def spec_schema(schema: Schema, values: dict[str, Any], table: Table) -> Schema:
    """The schema of `spec`."""
    properties = {
        name: translated(part, name) for name, part in schema["properties"].items() if name not in NOT_IN_THE_RESOURCE
    }
    # The scale subresource needs a count to begin with; it is not used while autoscaling is on.
    properties["replicas"]["default"] = 1
    properties["lifecycle"] = LIFECYCLE
    description = "The chart's values for one scorer; what is left out is the chart's default."
    spec: Schema = {"type": "object", "description": description, "properties": properties}
    spec["x-kubernetes-validations"] = between_fields(spec, values, table)
    of_bounds(spec, table)
    of_texts(spec, table)
    of_structures(spec, table)
    return spec


def translated(schema: Schema, path: str) -> Schema:
    """One part of the schema in the API server's words.

    Raises:
        ValueError: If a keyword has no translation.
    """
    known = {"type", "properties", "items", "additionalProperties", "exclusiveMinimum", "exclusiveMaximum", "required"}
    unknown = schema.keys() - known - {*_KEPT, *_DROPPED}
    if unknown:
        raise ValueError(f"{path}: no translation for {', '.join(sorted(unknown))}; teach crd.py, or do without")
    if path in NARROWED:
        described = {keyword: schema[keyword] for keyword in ("description",) if keyword in schema}
        return {**described, **_whole(NARROWED[path])}
    result = {keyword: schema[keyword] for keyword in _KEPT if keyword in schema}
    return result | _type(schema, path) | _bounds(schema) | _parts(schema, path)


def _type(schema: Schema, path: str) -> Schema:
    """`X or null` is nullable, a quantity is int-or-string; nothing else may have two types."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    values = [each for each in types if each != "null"]
    nullable: Schema = {"nullable": True} if "null" in types else {}
    if sorted(values) == ["integer", "string"]:
        return {"x-kubernetes-int-or-string": True, **nullable}
    if len(values) != 1:
        raise ValueError(f"{path}: the API server knows no type {' or '.join(values)}")
    return {"type": values[0], **nullable}


def _bounds(schema: Schema) -> Schema:
    """JSON Schema's exclusive bounds are numbers, OpenAPI's say that the bound is exclusive."""
    result: Schema = {}
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            result |= {bound: schema[exclusive], exclusive: True}
    return result


def _parts(schema: Schema, path: str) -> Schema:
    result: Schema = {}
    if "required" in schema:
        result["required"] = schema["required"]
    if "properties" in schema:
        result["properties"] = {name: translated(part, f"{path}.{name}") for name, part in schema["properties"].items()}
    if "items" in schema:
        result["items"] = translated(schema["items"], f"{path}[]")
    more = schema.get("additionalProperties", True)
    if isinstance(more, dict):
        result["additionalProperties"] = translated(more, f"{path}.*")
    elif schema["type"] == "object" and "properties" not in schema:
        raise ValueError(f"{path}: it would take anything; say in narrowed.yaml what a Reranker may have of it")
    return result


def _whole(part: Any) -> Any:
    """A narrowed part with Kubernetes' types written out."""
    if isinstance(part, list):
        return [_whole(each) for each in part]
    if not isinstance(part, dict):
        return part
    return of(part["kubernetes"]) if "kubernetes" in part else {key: _whole(value) for key, value in part.items()}


class _PlainDumper(yaml.SafeDumper):
    """Writes equal parts out instead of referring to them."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        """Never refer."""
        del data
        return True


def of_chart(chart: Path) -> str:
    """The CRD that belongs to a chart's folder."""
    schema, table, settings = (
        json.loads((chart / name).read_text(encoding="utf-8"))
        for name in ("values.schema.json", "files/rules.json", "files/settings-defaults.json")
    )
    values = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    return crd(schema, {**values, "config": settings}, table)


if __name__ == "__main__":
    sys.stdout.write(of_chart(Path(sys.argv[1])))
