"""Values of settings on both sides of every bound and of every rule, generated from the declarations themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bge_reranker.setting_rules import MODEL_PAIR_TOKENS, RULES, Relation, Rule
from bge_reranker.settings import Settings
from generate.chart.rules import MODEL_PAIR_TOKENS_OF
from generate.chart.settings_schema import OWNED

OWNED_KEYS: Final = {f"{group}.{name}" for group, names in OWNED.items() for name in names}
"""Settings that the chart decides itself."""

SOME_TOKENS: Final = 100
"""A right side where the default leaves the choice to the service."""

HOLDING: Final[dict[Relation, tuple[int, ...]]] = {">=": (0, 1), "<=": (-1, 0), "<": (-1,), "!=": (-1, 1)}
"""Differences between left and right with which a relation holds, of -1, 0 and 1."""


@dataclass(frozen=True)
class BoundCase:
    """One value of one setting, and whether its own declaration accepts it."""

    key: str
    value: Any
    is_accepted: bool

    @property
    def config(self) -> dict[str, Any]:
        """The setting alone, as a configuration file has it."""
        return nested({self.key: self.value})


@dataclass(frozen=True)
class RuleCase:
    """Values on one side of one rule."""

    rule: Rule
    left: int
    right: int
    holds: bool

    @property
    def config(self) -> dict[str, Any]:
        """The settings that the rule is about, as a configuration file has them."""
        values = {self.rule.left: self.left}
        if isinstance(self.rule.right, str) and self.rule.right != MODEL_PAIR_TOKENS:
            values[self.rule.right] = self.right
        return nested(values)

    @property
    def is_the_chart_s(self) -> bool:
        """Whether the chart leaves both settings to `config`."""
        return not OWNED_KEYS & {self.rule.left, str(self.rule.right)}

    @property
    def name(self) -> str:
        return f"{self.rule.left}={self.left} {self.rule.relation} {self.rule.right}={self.right}"


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Settings by group from settings by key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        group, name = key.split(".")
        found.setdefault(group, {})[name] = value
    return found


def rule_cases() -> Iterator[RuleCase]:
    """Each rule with its left side one below, at, and one above its right side."""
    defaults = Settings().model_dump(by_alias=True)
    for rule in RULES:
        right = _right_side(rule, defaults)
        for difference in (-1, 0, 1):
            yield RuleCase(rule, right + difference, right, difference in HOLDING[rule.relation])


def _right_side(rule: Rule, defaults: dict[str, Any]) -> int:
    if isinstance(rule.right, int):
        return rule.right
    if rule.right == MODEL_PAIR_TOKENS:
        return MODEL_PAIR_TOKENS_OF["demo"]
    group, name = rule.right.split(".")
    return defaults[group][name] or SOME_TOKENS


def bound_cases() -> Iterator[BoundCase]:
    """Each setting that `config` may have: both sides of each bound, each choice, and values of other types."""
    whole = Settings.model_json_schema(by_alias=True)
    for group, reference in whole["properties"].items():
        fields = whole["$defs"][reference["$ref"].removeprefix("#/$defs/")]["properties"]
        for name, schema in fields.items():
            if f"{group}.{name}" not in OWNED_KEYS:
                yield from _cases_of(f"{group}.{name}", schema)


def _cases_of(key: str, schema: dict[str, Any]) -> Iterator[BoundCase]:
    alternatives = schema.get("anyOf", [schema])
    (declared,) = (each for each in alternatives if each != {"type": "null"})
    if len(alternatives) > 1:
        yield BoundCase(key, None, is_accepted=True)
    yield BoundCase(key, ["a"], is_accepted=False)
    if "enum" in declared:
        yield from (BoundCase(key, choice, is_accepted=True) for choice in declared["enum"])
        yield BoundCase(key, "another", is_accepted=False)
    elif declared["type"] in {"integer", "number"}:
        yield from _numbers(key, declared)
    elif declared["type"] == "string":
        yield from _texts(key, declared)
    else:
        yield BoundCase(key, "another", is_accepted=False)


def _numbers(key: str, declared: dict[str, Any]) -> Iterator[BoundCase]:
    step = 1 if declared["type"] == "integer" else 0.5
    yield BoundCase(key, True, is_accepted=False)
    yield BoundCase(key, "many", is_accepted=False)
    if "minimum" in declared:
        yield BoundCase(key, declared["minimum"], is_accepted=True)
        yield BoundCase(key, declared["minimum"] - step, is_accepted=False)
    if "exclusiveMinimum" in declared:
        yield BoundCase(key, declared["exclusiveMinimum"] + step, is_accepted=True)
        yield BoundCase(key, declared["exclusiveMinimum"], is_accepted=False)
    yield BoundCase(key, declared["maximum"], is_accepted=True)
    yield BoundCase(key, declared["maximum"] + step, is_accepted=False)


def _texts(key: str, declared: dict[str, Any]) -> Iterator[BoundCase]:
    yield BoundCase(key, 1, is_accepted=False)
    if "pattern" in declared:
        yield from (BoundCase(key, each, is_accepted=accepted) for each, accepted in PATTERNED[key])
    if "minLength" in declared:
        yield BoundCase(key, "", is_accepted=False)
    if "maxLength" in declared:
        yield BoundCase(key, "/" + "a" * declared["maxLength"], is_accepted=False)


PATTERNED: Final[dict[str, list[tuple[str, bool]]]] = {
    "model.device": [("cpu", True), ("cuda:12", True), ("auto", True), ("gpu", False), ("cuda:", False)],
    "http.allowedOrigins": [
        ("*", True),
        ("https://a.example, http://b:1", True),
        ("a.example", False),
        ("https://a.example/", False),
        ("https://a\u00a0b", False),
        ("https://a\u2003b", False),
        ("https://a\u0085b", False),
        ("https://a\x0bb", False),
    ],
    "http.pathPrefixes": [("/a, /b/c", True), ("/a/", False), ("a", False), ("/a b", False), ("/a\n", False)],
}
"""On both sides of each pattern; the engines of service, Helm and API server have to agree on it."""
