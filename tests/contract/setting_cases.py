"""Values of settings on both sides of every bound and of every rule, generated from the declarations themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from typing import Any, Final

from bge_reranker.configuration import settings_list
from bge_reranker.setting_rules import MODEL_PAIR_TOKENS, RULES, Relation, Rule
from bge_reranker.settings import GUARDS, Settings
from generate.chart.rules import MODEL_PAIR_TOKENS_OF
from generate.chart.settings_schema import OWNED

SOME_TOKENS: Final = 100
"""A right side where the default leaves the choice to the service."""

HOLDING: Final[dict[Relation, tuple[int, ...]]] = {">=": (0, 1), "<=": (-1, 0), "<": (-1,), "!=": (-1, 1)}
"""Differences between left and right with which a relation holds, of -1, 0 and 1."""


GUARD_KEYS: Final = {setting.key for setting in settings_list() if setting.field in GUARDS}


class Fault(Enum):
    """Why a setting's declaration refuses a value."""

    TYPE = "type"
    """It is of another type."""

    EMPTY = "empty"
    """It protects something and is null; an API server takes that for absence before it looks at a schema."""

    BOUND = "bound"
    """It is out of a bound, no choice, or of another pattern."""

    LENGTH = "length"
    """It is a text with more characters than it may have."""


@dataclass(frozen=True)
class BoundCase:
    """One value of one setting, and why its own declaration refuses it, if it does."""

    key: str
    value: Any
    fault: Fault | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The setting alone, as a configuration file has it."""
        return nested({self.key: self.value})

    @property
    def path(self) -> str:
        """Where the chart has it; empty where it decides the setting itself."""
        return OWNED.get(self.key, f"config.{self.key}") or ""


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
        return not OWNED.keys() & {self.rule.left, str(self.rule.right)}

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
    """Each setting: both sides of each bound, each choice, and values of other types."""
    whole = Settings.model_json_schema(by_alias=True)
    for group, reference in whole["properties"].items():
        fields = whole["$defs"][reference["$ref"].removeprefix("#/$defs/")]["properties"]
        for name, schema in fields.items():
            yield from _cases_of(f"{group}.{name}", schema)


def rounds(cases: Iterable[BoundCase]) -> list[list[BoundCase]]:
    """Cases with one value a setting at a time: whoever refuses values names all of them at once."""
    by_key: dict[str, list[BoundCase]] = {}
    for case in cases:
        by_key.setdefault(case.key, []).append(case)
    return [[case for case in turn if case] for turn in zip_longest(*by_key.values())]


def values_of(cases: Iterable[BoundCase]) -> dict[str, Any]:
    """The chart's values, or a spec, with all of these."""
    found: dict[str, Any] = {}
    for case in cases:
        *groups, name = case.path.split(".")
        inner = found
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = case.value
    return found


def _cases_of(key: str, schema: dict[str, Any]) -> Iterator[BoundCase]:
    alternatives = schema.get("anyOf", [schema])
    (declared,) = (each for each in alternatives if each != {"type": "null"})
    if len(alternatives) > 1 and key not in OWNED:
        # A guard that is named and left empty is refused.
        yield BoundCase(key, None, Fault.EMPTY if key in GUARD_KEYS else None)
    yield BoundCase(key, ["a"], Fault.TYPE)
    if "enum" in declared:
        yield from (BoundCase(key, choice) for choice in declared["enum"])
        yield BoundCase(key, "another", Fault.BOUND)
    elif declared["type"] in {"integer", "number"}:
        yield from _numbers(key, declared)
    elif declared["type"] == "string":
        yield from _texts(key, declared)
    else:
        yield from (BoundCase(key, value) for value in (True, False))
        yield BoundCase(key, "another", Fault.TYPE)


def _numbers(key: str, declared: dict[str, Any]) -> Iterator[BoundCase]:
    step = 1 if declared["type"] == "integer" else 0.5
    yield BoundCase(key, True, Fault.TYPE)
    yield BoundCase(key, "many", Fault.TYPE)
    if "minimum" in declared:
        yield BoundCase(key, declared["minimum"])
        yield BoundCase(key, declared["minimum"] - step, Fault.BOUND)
    if "exclusiveMinimum" in declared:
        yield BoundCase(key, declared["exclusiveMinimum"] + step)
        yield BoundCase(key, declared["exclusiveMinimum"], Fault.BOUND)
    yield BoundCase(key, declared["maximum"])
    yield BoundCase(key, declared["maximum"] + step, Fault.BOUND)


def _texts(key: str, declared: dict[str, Any]) -> Iterator[BoundCase]:
    yield BoundCase(key, 1, Fault.TYPE)
    for each, is_right in PATTERNED[key] if "pattern" in declared else ():
        yield BoundCase(key, each, None if is_right else Fault.BOUND)
    if "minLength" in declared:
        yield BoundCase(key, "", Fault.BOUND)
    if "maxLength" in declared:
        yield BoundCase(key, _as_long(key, declared, declared["maxLength"]))
        yield BoundCase(key, _as_long(key, declared, declared["maxLength"] + 1), Fault.LENGTH)


def _as_long(key: str, declared: dict[str, Any], characters: int) -> str:
    if key in LISTS:
        units, rest = divmod(characters - 3, 4)
        return "a" * (1 + rest) + "=1" + ",a=1" * units
    text, end = LENGTHENED.get(key, "/{}").format("\u00e4" if "pattern" not in declared else "a" * 8), ENDS.get(key, "")
    return text + text[-1] * (characters - len(text) - len(end)) + end


LISTS: Final = {"guard.callerWeights"}
"""Lists whose parts are bounded, so that only more of them make a long text."""


LENGTHENED: Final = {
    "gate.cutOffs": "a=0.1",
    "gate.peers": "{}",
    "guard.jwksUrl": "https://{}",
    "guard.jwtAudience": "{}",
    "guard.jwtIssuer": "{}",
    "guard.redisUrl": "redis://{}",
    "guard.trustedProxies": "1",
    "http.allowedOrigins": "https://{}",
    "model.revision": "{}",
    "observe.otlpEndpoint": "http://{}",
}
"""Beginnings of texts whose last character may be there any number of times."""

ENDS: Final = {"observe.otlpEndpoint": ":4317"}
"""What has to follow them."""

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
    "model.revision": [("v1.0/a-b", True), ("-x", False), ("a b", False), ("a\n", False)],
    "model.expectDigest": [("0f" * 32, True), ("0f" * 31, False), ("0F" * 32, False), ("0f" * 33, False)],
    "guard.jwksUrl": [("https://issuer.example/keys", True), ("issuer.example", False), ("https://a b", False)],
    "guard.jwtIssuer": [("https://issuer.example", True), (" ", False), ("a b", False), ("a\u00a0b", False)],
    "guard.jwtAudience": [("search", True), ("\n", False), ("a\tb", False)],
    "guard.trustedProxies": [("10.0.0.0/8, fd00::/8", True), ("10.0.0.1", True), ("proxy.example", False)],
    "guard.callerWeights": [("shop=2, a.b=0.5", True), ("a=0", False), ("a=-1", False), ("a", False), ("=2", False)],
    "guard.redisUrl": [("redis://r:6379/0", True), ("rediss://u@r", True), ("http://r", False), ("redis://a b", False)],
    "gate.goldenSetSha256": [("0f" * 32, True), ("0f" * 31, False), ("0F" * 32, False)],
    "gate.cutOffs": [("shop=0.5", True), ("a=.5:0.1, b=1", True), ("a", False), ("a=x", False), ("=0.5", False)],
    "gate.peers": [("demo-headless", True), ("10.0.0.1, fd00::1", True), ("a b", False), ("-a", False)],
    "observe.otlpEndpoint": [
        ("http://collector:4317", True),
        ("https://otel.observability.svc.cluster.local:4318", True),
        ("http://[fd00::1]:4317", True),
        ("http://collector", False),
        ("collector:4317", False),
        ("grpc://collector:4317", False),
        ("http://collector:4317/", False),
        ("http://user@collector:4317", False),
        ("http://collector:4317\n", False),
    ],
    "http.pathPrefixes": [("/a, /b/c", True), ("/a/", False), ("a", False), ("/a b", False), ("/a\n", False)],
}
"""On both sides of each pattern; the engines of service, Helm and API server have to agree on it."""
