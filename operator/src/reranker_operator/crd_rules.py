"""What the API server itself refuses beyond types and bounds: rules in CEL, most of them from the chart's rules.json.

For what the API server reckons that a rule may cost, keys of maps are left to the chart, whose refusal is said in the
Ready condition, and a message does not have the numbers that it is about.
"""

from __future__ import annotations

import json
from typing import Any

from .spec_limits import CLUSTER_PRIORITY, PRIORITY_REFUSED

Schema = dict[str, Any]
Table = dict[str, Any]

MODEL_PAIR_TOKENS = "modelPairTokens"
"""Stands in the table for the longest pair of the model, known of few models."""


def between_fields(values: dict[str, Any], table: Table) -> list[Schema]:
    """Rules of the spec as a whole.

    Args:
        values: The chart's defaults, those of the service's settings as `config`.
        table: The chart's files/rules.json.
    """
    kind, mode = _text("cache.type", values), _text("cache.accessMode", values)
    scaled, rollout = _or_default("autoscaling.enabled", values, "bool"), _text("rollout.mode", values)
    shared = f'{kind} in ["pvc", "existing"] && {mode} != "ReadWriteMany"'
    return [
        *(_relation(each, values, table) for each in table["relations"]),
        {
            "rule": f'!({shared}) || (!({scaled}) && self.replicas <= 1 && {rollout} != "surge")',
            "message": (
                "cache.accessMode lets one node mount the volume, and a second pod may be on another. Set it to "
                "ReadWriteMany, or replicas to 1 without autoscaling and rollout.mode to inPlace or recreate."
            ),
        },
        {
            "rule": f"!({scaled}) || !({scaled.replace('self', 'oldSelf')}) || self.replicas == oldSelf.replicas",
            "message": (
                "replicas cannot change while autoscaling.enabled is true, because the autoscaler decides the count. "
                "Change autoscaling.minReplicas and autoscaling.maxReplicas, or set autoscaling.enabled to false."
            ),
        },
        {
            "rule": f'{kind} != "existing" || size({_text("cache.existingClaim", values)}) > 0',
            "message": (
                "cache.type is existing and cache.existingClaim is empty. Name the PersistentVolumeClaim, or choose "
                "another cache.type."
            ),
        },
        {
            "rule": f'{kind} != "image" || size({_text("cache.image", values)}) > 0',
            "message": (
                "cache.type is image and cache.image is empty. Give the reference of the image that has the models, or "
                "choose another cache.type."
            ),
        },
        {
            "rule": f'!has(self.priorityClassName) || !self.priorityClassName.startsWith("{CLUSTER_PRIORITY}")',
            "message": " ".join(PRIORITY_REFUSED),
        },
        {
            "rule": (
                "!has(self.cache) || !has(oldSelf.cache) || !has(self.cache.size) || !has(oldSelf.cache.size) || "
                "!has(self.cache.type) || !has(oldSelf.cache.type) || self.cache.type != 'pvc' || "
                "oldSelf.cache.type != 'pvc' || !isQuantity(self.cache.size) || !isQuantity(oldSelf.cache.size) || "
                "quantity(self.cache.size).compareTo(quantity(oldSelf.cache.size)) >= 0"
            ),
            "message": (
                "cache.size can only grow while cache.type is pvc. Put it back, or name another cache.storageClass to "
                "begin anew."
            ),
        },
    ]


def of_texts(spec: Schema, table: Table) -> None:
    """Put into the schema of `spec` what single texts must look like."""
    for form in table["forms"]:
        names = form["path"].replace("[]", ".[]").replace("{", ".{").split(".")
        schema = None if names[-1] == "{keys}" else _at(spec, names)
        if schema is not None:
            schema["x-kubernetes-validations"] = [
                {
                    "rule": f"self.matches({json.dumps(form['pattern'])})",
                    **_message(form),
                }
            ]


def _message(form: Table) -> Schema:
    if form["isSecret"]:
        return {"message": f"{form['path']} is wrong; {form['sentence']}"}
    return {"messageExpression": f"{_literal(_beginning(form['path']))} + self + {_literal(_end(form))}"}


def _at(spec: Schema, names: list[str]) -> Schema | None:
    """The schema at a path; None where the resource does not have it."""
    schema = spec
    for name in names:
        inside = {"[]": schema.get("items"), "{}": schema.get("additionalProperties")} | schema.get("properties", {})
        if name not in inside:
            return None
        schema = inside[name]
    return schema


def _beginning(path: str) -> str:
    if path.endswith("}"):
        return f'{path.partition("{")[0]} has the value "'
    return f'{path.removesuffix("[]")} has "' if path.endswith("[]") else f'{path} is "'


def _end(form: Table) -> str:
    return f'"; {form["sentence"]}'


def _relation(rule: Table, values: dict[str, Any], table: Table) -> Schema:
    """A relation, which holds where a side is 0 or unset: the service then chooses one that does."""
    left, right = _number(rule["left"], values, table), _number(rule["right"], values, table)
    when = f"!({_or_default(rule['when'], values, 'bool')}) || " if "when" in rule else ""
    return {
        "rule": f"{when}{left} == 0 || {right} == 0 || {left} {rule['relation']} {right}",
        "message": rule["sentence"],
    }


def _number(side: str | int, values: dict[str, Any], table: Table) -> str:
    if isinstance(side, int):
        return str(side)
    if side != MODEL_PAIR_TOKENS:
        return _or_default(side, values, "int")
    source, expression = _text("model.source", values), "0"
    for name, tokens in table[MODEL_PAIR_TOKENS].items():
        is_it = f"{source} == {_literal(name)} || {source}.startsWith({_literal(name + '@')})"
        expression = f"({is_it} ? {tokens} : {expression})"
    return expression


def _text(path: str, values: dict[str, Any]) -> str:
    return _or_default(path, values, "string")


def _or_default(path: str, values: dict[str, Any], kind: str) -> str:
    """A field in CEL, or the chart's default where the resource does not have it, or has a null."""
    names = path.split(".")
    default: Any = values
    for name in names:
        default = default[name]
    there = " && ".join(f"has(self.{'.'.join(names[: depth + 1])})" for depth in range(len(names)))
    otherwise = _literal(default) if default is not None else "0"
    return f"({there} && type(self.{path}) == {kind} ? self.{path} : {otherwise})"


def _literal(value: Any) -> str:
    """A constant in CEL, which reads JSON's."""
    return json.dumps(value, ensure_ascii=False)
