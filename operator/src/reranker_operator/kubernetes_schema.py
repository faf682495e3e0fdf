"""Structural schemas of Kubernetes' own types, made from the models of its client.

A field that took anything would take thousands of objects in each other, which the parsers of JSON here give up on: one
Reranker would hide all others. So every structure has its fields.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

from kubernetes.aio.client import models
from pydantic import BaseModel

Schema = dict[str, Any]

_SCALARS: dict[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
}

_QUANTITIES = {
    ("V2MetricTarget", "value"),
    ("V2MetricTarget", "averageValue"),
    ("V2HPAScalingRules", "tolerance"),
    ("V1EmptyDirVolumeSource", "sizeLimit"),
    ("V1ResourceFieldSelector", "divisor"),
}
"""What the models call a string and the API takes as a number as well."""


def of(name: str) -> Schema:
    """The schema of one type.

    Args:
        name: Of its model, such as `V1Affinity`.
    """
    return _of_model(getattr(models, name))


def _of_model(model: type[BaseModel]) -> Schema:
    properties, required = {}, []
    for attribute, field in model.model_fields.items():
        name = field.serialization_alias or attribute
        is_quantity = (model.__name__, name) in _QUANTITIES
        properties[name] = {"x-kubernetes-int-or-string": True} if is_quantity else _of_type(field.annotation)
        if field.is_required():
            required.append(name)
    return {"type": "object", **({"required": required} if required else {}), "properties": properties}


def _of_type(annotation: Any) -> Schema:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        (given,) = (each for each in inner if each is not type(None))
        return _of_type(given)
    if origin is Annotated:
        return _of_type(inner[0])
    if origin is list:
        return {"type": "array", "items": _of_type(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of_type(inner[1])}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _of_model(annotation)
    return dict(_SCALARS[annotation])
