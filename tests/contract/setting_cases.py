"""Values of settings on both sides of every bound and of every rule, generated from the declarations themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from typing import Any, Final

from bge_reranker.configuration import settings_list
from bge_reranker.setting_combinations import COMBINATIONS, DISTINCT, Fact, broken_combinations
from bge_reranker.setting_rules import MODEL_PAIR_TOKENS, RULES, Relation, Rule
from bge_reranker.settings import GUARDS, Settings
from generate.chart.rules import MODEL_PAIR_TOKENS_OF, rules, sentence_of
from generate.chart.settings_schema import OWNED, path_of

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


@dataclass(frozen=True)
class CombinationCase:
    """Settings by key, of which some may need or exclude one another."""

    values: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The settings as a configuration file has them."""
        return nested(self.values)

    @property
    def whole(self) -> dict[str, Any]:
        """All settings, the others with their defaults."""
        return DEFAULTS | self.values

    @property
    def said(self) -> list[str]:
        """All that the service says of them."""
        return [" ".join(each) for each in broken_combinations(self.whole)]

    @property
    def said_by_the_chart(self) -> set[str]:
        """The same with the chart's names, but for what its values cannot break."""
        broken = [each for each in COMBINATIONS if each.is_broken(self.whole)]
        repeated = [each for each in DISTINCT if each.repeated(self.values)]
        return {*map(sentence_of, broken), *map(sentence_of, repeated)} & CHART_SENTENCES

    @property
    def of_the_chart(self) -> dict[str, Any]:
        """The chart's values, or a spec, with all of these settings that it has."""
        paths = {key: path for key in self.values if (path := path_of(key)) is not None}
        found = {path: VALUES_OF_THE_CHART.get(path, self.values[key]) for key, path in paths.items()}
        if paths.get("gate.cutOffs"):
            names = [part.strip().partition("=")[0] for part in self.values["gate.cutOffs"].split(",")]
            found["gate.cutOffs"] = [{"name": name, "score": 0.5} for name in names]
        return tree_of(found)


def combination_cases() -> list[CombinationCase]:
    """Each combination broken, and each kept in every way; cases that do not touch each other are taken together."""
    found: list[CombinationCase] = []
    for values in _combined():
        case = CombinationCase(values)
        for number, other in enumerate(found):
            both = CombinationCase({**other.values, **values})
            if not other.values.keys() & values.keys() and sorted(both.said) == sorted([*other.said, *case.said]):
                found[number] = both
                break
        else:
            found.append(case)
    return found


def _combined() -> Iterator[dict[str, Any]]:
    for rule in COMBINATIONS:
        when = _example(rule.when)
        if rule.relation == "excludes":
            yield from (when | _example(other) for other in rule.others)
            yield when
        else:
            yield when | {other.key: 0 for other in rule.others if other.key.startswith("http.") and other.like}
            yield from (_completed(when | _example(other)) for other in rule.others)
    for key in (each.key for each in DISTINCT):
        yield _completed({key: "a=0.5, b=0.5, a=0.6"})
        yield _completed({key: "a=0.5, b=0.5"})
    # What is not switched on, and a password that is empty, need nothing.
    yield {"scores.shareScores": False, "guard.redisUrl": "rediss://user:@[::1]:6380/0?db=1"}
    yield {"guard.redisUrl": "redis://host?db=1&Password=p"}


def _completed(values: dict[str, Any]) -> dict[str, Any]:
    """The settings with the first of what each of them needs."""
    while needs := [rule for rule in COMBINATIONS if rule.relation == "needs" and rule.is_broken(DEFAULTS | values)]:
        values = values | _example(needs[0].others[0])
    return values


def _example(fact: Fact) -> dict[str, Any]:
    """The setting with a value of which the fact is true."""
    return {fact.key: next(each for each in (*EXAMPLES.get(fact.key, ()), fact.like) if fact.holds({fact.key: each}))}


def tree_of(values: dict[str, Any]) -> dict[str, Any]:
    """Values by path as a tree."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        *groups, name = path.split(".")
        inner = found
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = value
    return found


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
    return tree_of({case.path: case.value for case in cases})


def _cases_of(key: str, schema: dict[str, Any]) -> Iterator[BoundCase]:
    alternatives = schema.get("anyOf", [schema])
    (declared,) = (each for each in alternatives if each != {"type": "null"})
    if len(alternatives) > 1 and key not in OWNED:
        # A guard that is named and left empty is refused.
        yield BoundCase(key, None, Fault.EMPTY if key in GUARD_KEYS else None)
    yield BoundCase(key, ["a"], Fault.TYPE)
    if "enum" in declared:
        yield from (BoundCase(key, choice) for choice in declared["enum"])
        yield BoundCase(key, declared["enum"][0].upper())
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
    if key in NETWORKS:
        units, rest = divmod(characters - 7, 8)
        return ".".join("1" * (1 + digits) for digits in SHARES[rest]) + ",1.1.1.1" * units
    text, end = LENGTHENED.get(key, "/{}").format("\u00e4" if "pattern" not in declared else "a" * 8), ENDS.get(key, "")
    return text + text[-1] * (characters - len(text) - len(end)) + end


DEFAULTS: Final = {
    f"{group}.{name}": value
    for group, part in Settings().model_dump(by_alias=True).items()
    for name, value in part.items()
}
"""All settings by key, as they are where nothing is set."""

_TABLE: Final = json.loads(rules())
CHART_SENTENCES: Final = {each["sentence"] for each in (*_TABLE["combinations"], *_TABLE["distinct"])}
"""What the chart says of combinations."""

EXAMPLES: Final[dict[str, tuple[Any, ...]]] = {
    "gate.cutOffs": ("a=0.5, b=0.9",),
    "gate.goldenSet": ("{}",),
    "gate.goldenSetFile": ("/golden.jsonl",),
    "gate.maxNdcgLoss": (0.0,),
    "gate.minKendallTau": (-1.0,),
    "gate.minNdcgAt10": (0.0,),
    "gate.peers": ("demo-headless",),
    "guard.jwksFile": ("/jwks.json",),
    "guard.jwksUrl": ("https://issuer.example/keys",),
    "guard.jwtAudience": ("search",),
    "guard.jwtIssuer": ("https://issuer.example",),
    "guard.jwtSecretFile": ("/secrets",),
    "guard.redisUrl": ("redis://user@r:6379/0", "redis://user:hush@r:6379/0", "rediss://r?ssl_cert_reqs=none"),
    "http.managementPort": (8001,),
    "http.port": (8000,),
    "http.tlsCertFile": ("/tls.crt",),
    "http.tlsKeyFile": ("/tls.key",),
    "model.device": ("CUDA:1",),
    "scores.shareScores": (True,),
}
"""Values of which facts are true, the first such one is taken; without any, it is the fact's own pattern, a word."""

VALUES_OF_THE_CHART: Final[dict[str, Any]] = {
    "gate.configMap.name": "golden",
    "secrets.jwks.name": "jwks",
    "secrets.jwtSecret.name": "secrets",
    "secrets.tls.name": "tls",
}
"""What a value of the chart is where the setting that it gives is something else."""

LISTS: Final = {"guard.callerWeights"}
"""Lists whose parts are bounded, so that only more of them make a long text."""

NETWORKS: Final = {"guard.trustedProxies"}
"""Lists of networks, likewise."""

SHARES: Final = [[min(2, max(0, more - 2 * place)) for place in range(4)] for more in range(8)]
"""Digits more than one in each part of an address that is longer than the shortest."""


LENGTHENED: Final = {
    "gate.cutOffs": "a=0.1",
    "gate.peers": "{}",
    "shadow.hosts": "{}",
    "guard.jwksUrl": "https://{}",
    "guard.jwtAudience": "{}",
    "guard.jwtIssuer": "{}",
    "guard.redisUrl": "redis://{}",
    "http.allowedOrigins": "https://{}",
    "model.revision": "{}",
    "observe.otlpEndpoint": "http://{}",
}
"""Beginnings of texts whose last character may be there any number of times."""

ENDS: Final = {"observe.otlpEndpoint": ":4317"}
"""What has to follow them."""

PATTERNED: Final[dict[str, list[tuple[str, bool]]]] = {
    "model.device": [("cpu", True), ("CPU", True), ("Cuda:12", True), ("auto", True), ("gpu", False), ("cuda:", False)],
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
    "guard.jwksUrl": [
        ("https://issuer.example/keys", True),
        ("https://issuer.example:8443/keys?v=1", True),
        ("http://localhost:8080/keys", True),
        ("http://[::1]/keys", True),
        ("http://issuer.example/keys", False),
        ("http://localhost.example/keys", False),
        ("https://issuer.example:99999/keys", False),
        ("https://user:hush@issuer.example:99999", False),
        ("issuer.example", False),
        ("https://a b", False),
    ],
    "guard.jwtIssuer": [("https://issuer.example", True), (" ", False), ("a b", False), ("a\u00a0b", False)],
    "guard.jwtAudience": [("search", True), ("\n", False), ("a\tb", False)],
    "guard.trustedProxies": [
        ("10.0.0.0/8, fd00::/8", True),
        ("10.0.0.1,::1,1:2:3:4:5:6:7:8/128", True),
        ("10.0.0.0/33", False),
        ("10.0.0.256", False),
        ("10.0.0", False),
        ("1:2", False),
        ("fd00::/129", False),
        (",", False),
        ("proxy.example", False),
    ],
    "guard.callerWeights": [("shop=2, a.b=0.5", True), ("a=0", False), ("a=-1", False), ("a", False), ("=2", False)],
    "guard.redisUrl": [
        ("redis://r:6379/0", True),
        ("rediss://u@r", True),
        ("redis://[fd00::1]:6379/0?ssl_cert_reqs=none&db=1", True),
        ("http://r", False),
        ("redis://a b", False),
        ("redis://r:99999/0", False),
        ("redis://[zz]:1", False),
        ("redis://:hu/sh@r:6379/0", False),
        ("redis://r/0?%70assword=hush", False),
        ("redis://r?client_name=search&protocol=3", True),
        ("redis://r?socket_timeout=1", False),
        ("redis://r?db=x", False),
        ("redis://r/search", False),
        ("redis://r#hush", False),
        ("redis://user:hush", False),
    ],
    "gate.goldenSetSha256": [("0f" * 32, True), ("0f" * 31, False), ("0F" * 32, False)],
    "gate.cutOffs": [
        ("shop=0.5", True),
        ("a=.5:0.1, b=0.99:1", True),
        ("a=1", False),
        ("a=0.0", False),
        ("a=1.5", False),
        ("a", False),
        ("a=x", False),
        ("=0.5", False),
    ],
    "shadow.hosts": [("demo-shadow", True), ("10.0.0.1, fd00::1", True), ("a b", False), ("-a", False)],
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
        ("http://collector:99999", False),
        ("http://collector:4317\n", False),
    ],
    "http.pathPrefixes": [("/a, /b/c", True), ("/a/", False), ("a", False), ("/a b", False), ("/a\n", False)],
}
"""On both sides of each pattern; the engines of service, Helm and API server have to agree on it."""
