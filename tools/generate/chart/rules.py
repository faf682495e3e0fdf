"""files/rules.json: what the chart and the resource refuse with the same sentence.

`bounds` are what one setting of the service may be; `relations` hold between two values, or a value and the model's
longest pair; `combinations` say what a value needs or excludes, and `distinct` in which lists each name may be once;
`forms` are what one text must look like. `structures` are places of Kubernetes' own types, whose rules are in `types`:
forms of their fields, `conditions` between them, and which types are `inside`. The chart's template reads the file, and
so does the operator's generator of the CRD.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from bge_reranker.setting_bounds import setting_bounds
from bge_reranker.setting_combinations import COMBINATIONS, DISTINCT, Combination, DistinctNames, Fact
from bge_reranker.setting_rules import MODEL_PAIR_TOKENS, RULES, WORDS, Rule
from bge_reranker.setting_texts import HOLDS_MORE
from reranker_operator.kubernetes_schema import inner_types

from .forms import FORMS, SETTING_FORMS, STRUCTURE_FORMS
from .settings_schema import OWNED, path_of
from .structure_rules import OTHERWISE_NAMED, STRUCTURES
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

IMAGE_SENTENCE = (
    "which is no reference of an image: a host without https://, a path in lower case with single slashes, a tag of "
    "letters, digits, dots and dashes, and at most 255 characters before the tag. Correct the part that is wrong."
)
"""What is said of an image whose registry, repository and tag do not make a reference."""


def rules() -> str:
    """The whole file."""
    types = yaml.safe_load(TYPES.read_text(encoding="utf-8"))
    structures = dict(structures_of(types, ""))
    whole = {
        "modelPairTokens": MODEL_PAIR_TOKENS_OF,
        "bounds": list(_bounds()),
        "relations": [*VALUE_RELATIONS, *(_relation(rule) for rule in RULES if not _is_owned(rule))],
        "combinations": list(_combinations()),
        "distinct": [_distinct(each) for each in DISTINCT],
        "image": {"patterns": STRUCTURE_FORMS["requiredImage"].expressions, "sentence": IMAGE_SENTENCE},
        "forms": [*_forms(types, ""), *_setting_forms()],
        "structures": structures,
        "types": _types(set(structures.values())),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _bounds() -> Iterator[dict[str, Any]]:
    """What settings may be beyond their types, at the paths that values have them."""
    for key, setting in setting_bounds().items():
        path = OWNED.get(key, f"config.{key}")
        if path is None or not setting.bounds:
            continue
        bounds = dict(setting.bounds)
        if key in OWNED and setting.may_be_null and "pattern" in bounds:
            # A value of the chart is unset where it is empty.
            bounds["pattern"] = f"^({bounds['pattern'].removeprefix('^').removesuffix('$')})?$"
        hidden = {"hidden": HOLDS_MORE} if setting.is_address else {}
        yield {"path": path, **bounds, **hidden, "sentence": setting.sentence}


def _relation(rule: Rule) -> dict[str, Any]:
    left, right, shown = f"config.{rule.left}", rule.right, str(rule.right)
    if right == MODEL_PAIR_TOKENS:
        right = "modelPairTokens"
    elif isinstance(right, str):
        right = shown = f"config.{right}"
    sentence = f"{left} must be {WORDS[rule.relation]} {shown}, or {rule.consequence} {rule.remedy}"
    return {"left": left, "relation": rule.relation, "right": right, "sentence": sentence}


def _combinations() -> Iterator[dict[str, Any]]:
    """The combinations of settings that users of the chart can break."""
    for each in COMBINATIONS:
        paths = {path_of(fact.key) for fact in (each.when, *each.others)}
        # One value may give two settings, and some are the chart's alone.
        if None in paths or path_of(each.when.key) in map(path_of, (fact.key for fact in each.others)):
            continue
        yield {
            "when": _fact(each.when),
            "relation": each.relation,
            "others": [_fact(fact) for fact in each.others],
            "sentence": sentence_of(each),
        }


def sentence_of(rule: Combination | DistinctNames) -> str:
    """The sentence with the names that the chart has for settings."""
    return " ".join(rule.said(lambda key: path_of(key) or key))


def _fact(fact: Fact) -> dict[str, str]:
    found = {"path": path_of(fact.key) or ""}
    return {**found, "pattern": fact.pattern} if fact.pattern else found


def _distinct(rule: DistinctNames) -> dict[str, str]:
    return {"path": f"{path_of(rule.key)}", "by": "name", "sentence": sentence_of(rule)}


def _is_owned(rule: Rule) -> bool:
    """Whether it is about a setting that the chart decides itself."""
    return rule.left in OWNED or rule.right in OWNED


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


def structures_of(types: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Where values have Kubernetes' own types: path, with `[]` behind a list, to the type's name."""
    for name, schema in types.items():
        path = f"{prefix}{name}"
        if not is_leaf(schema):
            yield from structures_of(schema, f"{path}.")
            continue
        for suffix, part in (("", schema), ("[]", schema.get("items", {}))):
            if "kubernetes" in part:
                yield f"{path}{suffix}", part["kubernetes"]
            inner = part.get("properties", {}) if suffix else {}
            yield from ((f"{path}[].{key}", each["kubernetes"]) for key, each in inner.items() if "kubernetes" in each)


def _types(wanted: set[str]) -> dict[str, Any]:
    """The rules of these types and of all within them; a type without any is left out."""
    found: dict[str, Any] = {}
    for name in sorted(_reachable(wanted)):
        structure, inside = STRUCTURES.get(name), _inside(name)
        found[name] = {
            "forms": [_form(*each) for each in structure.forms.items()] if structure else [],
            "conditions": [each.as_data() for each in structure.conditions] if structure else [],
            "inside": {path: inner for path, inner in inside.items() if _has_rules(inner)},
        }
    return {name: each for name, each in found.items() if any(each.values())}


def _reachable(wanted: set[str]) -> set[str]:
    found: set[str] = set()
    while wanted - found:
        found |= wanted
        wanted = {inner for name in found for inner in _inside(name).values()}
    return found


def _inside(name: str) -> dict[str, str]:
    if name in OTHERWISE_NAMED.values():
        return {}
    return {path: OTHERWISE_NAMED.get((name, path), inner) for path, inner in inner_types(name).items()}


def _has_rules(name: str) -> bool:
    return name in STRUCTURES or any(map(_has_rules, _inside(name).values()))


def _setting_forms() -> Iterator[dict[str, Any]]:
    return (_form(f"config.{key}", form) for key, form in SETTING_FORMS.items())


def _form(path: str, name: str) -> dict[str, Any]:
    form = STRUCTURE_FORMS.get(name) or FORMS[name]
    hidden = {"hidden": HOLDS_MORE} if form.is_address else {}
    return {
        "path": path,
        "patterns": form.expressions,
        "sentence": form.sentence,
        "isSecret": form.is_secret,
        **hidden,
    }
