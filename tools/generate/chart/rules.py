"""files/rules.json: what the chart and the resource refuse with the same sentence, beyond types and bounds.

`relations` hold between two values, or a value and the model's longest pair; `forms` are what one text must look like.
The chart's template reads the file, and so does the operator's generator of the CRD.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from bge_reranker.setting_rules import MODEL_PAIR_TOKENS, RULES, WORDS, Rule

from .forms import FORMS, SETTING_FORMS
from .settings_schema import OWNED
from .values_schema import TYPES, is_leaf

MODEL_PAIR_TOKENS_OF = {"demo": 512, "hf://BAAI/bge-reranker-large": 512, "BAAI/bge-reranker-large": 512}
"""Longest pair of the models that are known without being fetched, by `model.source` without a revision."""

VALUE_RELATIONS = (
    {
        "when": "autoscaling.enabled",
        "left": "autoscaling.minReplicas",
        "relation": "<=",
        "right": "autoscaling.maxReplicas",
        "sentence": (
            "autoscaling.minReplicas must be at most autoscaling.maxReplicas, or no count is right. Raise maxReplicas "
            "or lower minReplicas."
        ),
    },
)
"""Between values of the chart that are no settings of the service."""


def rules() -> str:
    """The whole file."""
    whole = {
        "modelPairTokens": MODEL_PAIR_TOKENS_OF,
        "relations": [*VALUE_RELATIONS, *(_relation(rule) for rule in RULES if not _is_owned(rule))],
        "forms": [*_forms(yaml.safe_load(TYPES.read_text(encoding="utf-8")), ""), *_setting_forms()],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _relation(rule: Rule) -> dict[str, Any]:
    left, right, shown = f"config.{rule.left}", rule.right, str(rule.right)
    if right == MODEL_PAIR_TOKENS:
        right = "modelPairTokens"
    elif isinstance(right, str):
        right = shown = f"config.{right}"
    sentence = f"{left} must be {WORDS[rule.relation]} {shown}, or {rule.consequence} {rule.remedy}"
    return {"left": left, "relation": rule.relation, "right": right, "sentence": sentence}


def _is_owned(rule: Rule) -> bool:
    """Whether it is about a setting that the chart decides itself."""
    keys = {f"{group}.{name}" for group, names in OWNED.items() for name in names}
    return rule.left in keys or rule.right in keys


def _forms(types: dict[str, Any], prefix: str) -> Iterator[dict[str, Any]]:
    for name, schema in types.items():
        path = f"{prefix}{name}"
        if not is_leaf(schema):
            yield from _forms(schema, f"{path}.")
            continue
        places = (
            (path, schema.get("form")),
            (f"{path}[]", schema.get("items", {}).get("form")),
            (f"{path}{{keys}}", schema.get("keys")),
            (f"{path}{{}}", (schema.get("additionalProperties") or {}).get("form")),
        )
        yield from (_form(place, form) for place, form in places if form is not None)


def _setting_forms() -> Iterator[dict[str, Any]]:
    return (_form(f"config.{key}", form) for key, form in SETTING_FORMS.items())


def _form(path: str, name: str) -> dict[str, Any]:
    form = FORMS[name]
    return {"path": path, "pattern": form.expression, "sentence": form.sentence, "isSecret": form.is_secret}
