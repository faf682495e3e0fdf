"""Structural schemas of Kubernetes' own types, made from the models of its client, with an API server's bounds.

A field that took anything would take thousands of objects in each other, which the parsers of JSON here give up on: one
Reranker would hide all others. So every structure has its fields.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from importlib.resources import files
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from kubernetes.aio.client import models
from pydantic import BaseModel

Schema = dict[str, Any]

_SCALARS: dict[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
}

_QUANTITY: Schema = {"x-kubernetes-int-or-string": True}

_QUANTITIES = {
    ("V2MetricTarget", "value"),
    ("V2MetricTarget", "averageValue"),
    ("V2HPAScalingRules", "tolerance"),
    ("V1EmptyDirVolumeSource", "sizeLimit"),
    ("V1ResourceFieldSelector", "divisor"),
}
"""What the models call a string and the API takes as a number as well."""

_OF_QUANTITIES = {
    *(("V1ResourceRequirements", field) for field in ("limits", "requests")),
    *(("V1VolumeResourceRequirements", field) for field in ("limits", "requests")),
}
"""Maps of such."""

_LEFT_OUT = {"V1ObjectMeta": set(models.V1ObjectMeta.model_fields) - {"annotations", "labels"}}
"""Fields that a template of an object cannot have."""

BOUNDS: dict[str, dict[str, Schema]] = yaml.safe_load(
    (files(__package__) / "kubernetes_bounds.yaml").read_text(encoding="utf-8")
)
"""By type and field: what the API server refuses of a number or a list."""


def of(name: str) -> Schema:
    """The schema of one type.

    Args:
        name: Of its model, such as `V1Affinity`.
    """
    return _of_model(getattr(models, name))


def inner_types(name: str) -> dict[str, str]:
    """The types within a type: field to the name of its model, `[]` behind a list's."""
    return dict(_inner_types(getattr(models, name)))


def _inner_types(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, annotation, _ in _fields(model):
        given = _given(annotation)
        is_list = get_origin(given) is list
        inner = _given(get_args(given)[0]) if is_list else given
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield f"{name}[]" if is_list else name, inner.__name__


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any, bool]]:
    """Name, annotation and whether it is required, of each field."""
    for attribute, field in model.model_fields.items():
        if attribute not in _LEFT_OUT.get(model.__name__, ()):
            yield field.serialization_alias or attribute, field.annotation, field.is_required()


def _of_model(model: type[BaseModel]) -> Schema:
    properties, bounds = {}, BOUNDS.get(model.__name__, {})
    for name, annotation, _ in _fields(model):
        properties[name] = {**_of_field(model.__name__, name, annotation), **bounds.get(name, {})}
    required = [name for name, _, is_required in _fields(model) if is_required]
    return {"type": "object", **({"required": required} if required else {}), "properties": properties}


def _of_field(model: str, name: str, annotation: Any) -> Schema:
    if (model, name) in _QUANTITIES:
        return dict(_QUANTITY)
    if (model, name) in _OF_QUANTITIES:
        return {"type": "object", "additionalProperties": dict(_QUANTITY)}
    return _of_type(annotation)


def _given(annotation: Any) -> Any:
    """The annotation of what is there, without the None of what may be absent."""
    if get_origin(annotation) not in {Union, types.UnionType}:
        return annotation
    inner = [each for each in get_args(annotation) if each is not type(None)]
    return inner[0] if len(inner) == 1 else annotation


def _of_type(annotation: Any) -> Schema:
    annotation = _given(annotation)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        # A port, which is a number or a name.
        return dict(_QUANTITY)
    if origin is Annotated:
        return _of_type(inner[0])
    if origin is list:
        return {"type": "array", "items": _of_type(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of_type(inner[1])}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _of_model(annotation)
    return dict(_SCALARS[annotation])
