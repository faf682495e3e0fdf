"""Which settings need one another, and which exclude one another, as data.

Service, chart and resource refuse the same combinations with the same sentence. Relations between numbers are in
`setting_rules`; what only a running process can know, such as a file's content, is no rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from .precision import PRECISIONS

Naming = Callable[[str], str]
"""What a setting is called where the sentence is said, by its key."""

_KEY: Final = re.compile(r"\{([\w.]+)\}")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that may be true of one setting.

    Attributes:
        key: The setting's, such as `guard.jwtIssuer`.
        like: Pattern of the values of which it is true, in RE2's dialect, without anchors and regardless of case;
            empty: true where the setting is given at all, and not switched off.
    """

    key: str
    like: str = ""

    @property
    def pattern(self) -> str:
        """The regular expression, anchored; empty where being given is enough."""
        return f"^(?i:{self.like})$" if self.like else ""

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true of these values, by key."""
        value = values.get(self.key)
        if self.like:
            return value is not None and _compiled(self.pattern).match(str(value)) is not None
        return value is not None and value is not False and value != ""


@dataclass(frozen=True, slots=True)
class Combination:
    """What must be true of other settings where something is true of one.

    Attributes:
        when: Of which setting.
        relation: `needs` one of the others at least, or `excludes` all of them.
        others: What it needs or excludes; it needs none where it must never be true itself.
        text: What is wrong, with the keys of settings in braces.
        remedy: What to change, likewise.
    """

    when: Fact
    relation: Literal["needs", "excludes"]
    others: tuple[Fact, ...]
    text: str
    remedy: str = "Set it, or leave the other one out."

    def is_broken(self, values: Mapping[str, Any]) -> bool:
        """Whether these values, by key, may not be together."""
        return self.when.holds(values) and any(each.holds(values) for each in self.others) is (
            self.relation == "excludes"
        )

    def said(self, name: Naming = str) -> tuple[str, str]:
        """What is wrong and what to do, with the names that settings have there."""
        message, remedy = (_KEY.sub(lambda found: name(found[1]), text) for text in (self.text, self.remedy))
        return message, remedy


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_KEY_SOURCES: Final = ("guard.jwksUrl", "guard.jwksFile", "guard.jwtSecretFile")
_GOLDEN_SETS: Final = (Fact("gate.goldenSet"), Fact("gate.goldenSetFile"))
_DEMANDS: Final = ("gate.minNdcgAt10", "gate.maxNdcgLoss", "gate.minKendallTau", "gate.cutOffs")
_ABOVE_ZERO: Final = "[1-9][0-9]*"
_CUDA: Final = "cuda(:[0-9]+)?"


def _tokens() -> Iterator[Combination]:
    yield Combination(
        Fact("guard.jwtIssuer"),
        "needs",
        (Fact("guard.jwtAudience"),),
        "{guard.jwtIssuer} needs {guard.jwtAudience}, or tokens that the issuer made for other services would open "
        "this one.",
    )
    yield Combination(
        Fact("guard.jwtAudience"),
        "needs",
        (Fact("guard.jwtIssuer"),),
        "{guard.jwtAudience} needs {guard.jwtIssuer}, or no token would be taken.",
    )
    yield Combination(
        Fact("guard.jwtIssuer"),
        "needs",
        tuple(map(Fact, _KEY_SOURCES)),
        "{guard.jwtIssuer} needs one of {guard.jwksUrl}, {guard.jwksFile} and {guard.jwtSecretFile}, or no token could "
        "be verified.",
        "Set one, or leave tokens out.",
    )
    for key in _KEY_SOURCES:
        yield Combination(
            Fact(key),
            "needs",
            (Fact("guard.jwtIssuer"),),
            f"{{{key}}} needs {{guard.jwtIssuer}}, or no token would be taken.",
        )


def _redis() -> Iterator[Combination]:
    yield Combination(
        Fact("guard.redisUrl", r"[^/]*//[^/?#]*:[^/?#]+@.*|[^?]*\?(.*&)?password=.*"),
        "needs",
        (),
        "{guard.redisUrl} holds a password, which logs and process lists would show.",
        "Take it out; {guard.redisPasswordFile} names where it comes from.",
    )
    yield Combination(
        Fact("guard.redisUrl", r"[^?]*\?(.*&)?ssl_.*"),
        "needs",
        (),
        "{guard.redisUrl} has an option of TLS, which is not read.",
        "Take it out; {guard.caFile} names the authorities that verify Redis' certificate.",
    )
    yield Combination(
        Fact("scores.shareScores"),
        "needs",
        (Fact("guard.redisUrl"),),
        "{scores.shareScores} needs {guard.redisUrl}, or there is no Redis to share scores in.",
    )


def _listeners() -> Iterator[Combination]:
    pair = ("http.tlsCertFile", "http.tlsKeyFile")
    for one, other in (pair, pair[::-1]):
        yield Combination(
            Fact(one), "needs", (Fact(other),), f"{{{one}}} needs {{{other}}}: TLS takes a certificate and its key."
        )
    for port in ("http.port", "http.managementPort"):
        yield Combination(
            Fact("gate.peers"),
            "needs",
            (Fact(port, _ABOVE_ZERO),),
            f"{{gate.peers}} needs {{{port}}} above 0, because peers are asked at the same port.",
            "Set a port, or leave {gate.peers} out.",
        )


def _gate() -> Iterator[Combination]:
    one, other = _GOLDEN_SETS
    yield Combination(
        one,
        "excludes",
        (other,),
        "{gate.goldenSet} and {gate.goldenSetFile} are both given, and a model is judged by one golden set.",
        "Leave one of them out.",
    )
    for key in _DEMANDS:
        yield Combination(
            Fact(key),
            "needs",
            _GOLDEN_SETS,
            f"{{{key}}} needs {{gate.goldenSet}} or {{gate.goldenSetFile}}, or there is no golden set to measure on.",
            f"Give one, or leave {{{key}}} out.",
        )


def _runtimes() -> Iterator[Combination]:
    """What no machine computes, whatever the model; what a machine lacks is found when it loads one."""
    remedy = "Leave one of them out."
    openvino, cuda = Fact("model.runtime", "openvino"), Fact("model.device", _CUDA)
    yield Combination(
        openvino,
        "excludes",
        (cuda,),
        "{model.runtime} is openvino, which computes on the CPU, and {model.device} is a GPU.",
        remedy,
    )
    yield Combination(
        openvino,
        "excludes",
        (Fact("model.bodies", "fast"), Fact("model.bodies", "plain")),
        "{model.runtime} is openvino, which computes the network as a whole, and {model.bodies} chooses what torch "
        "computes its parts with.",
        remedy,
    )
    for each in PRECISIONS.values():
        precision = Fact("model.precision", each.name)
        if each.openvino_hint is None:
            yield Combination(
                openvino,
                "excludes",
                (precision,),
                f"{{model.runtime}} is openvino, which does not compute {each.name}, and {{model.precision}} asks for "
                "it.",
                remedy,
            )
        if each.cuda_capability is not None:
            yield Combination(
                precision,
                "excludes",
                (Fact("model.device", "cpu"),),
                f"{{model.precision}} is {each.name}, which only GPUs compute, and {{model.device}} is cpu.",
                remedy,
            )
        if each.torch_dtype is None:
            yield Combination(
                precision,
                "excludes",
                (Fact("model.runtime", "torch"), cuda),
                f"{{model.precision}} is {each.name}, which only OpenVINO computes, on a CPU: neither "
                "{model.runtime} torch nor a GPU as {model.device}.",
                remedy,
            )


@dataclass(frozen=True, slots=True)
class DistinctNames:
    """A list of `name=...`, separated by commas, in which each name may be once."""

    key: str

    def repeated(self, values: Mapping[str, Any]) -> list[str]:
        """The names that are there more than once."""
        parts = str(values.get(self.key) or "").split(",")
        names = [part.strip().partition("=")[0] for part in parts]
        return sorted({name for name in names if names.count(name) > 1})

    def said(self, name: Naming = str) -> tuple[str, str]:
        """What is wrong and what to do, with the name that the setting has there."""
        return f"{name(self.key)} has a name more than once.", "Give each a name of its own."


COMBINATIONS: Final = (*_tokens(), *_redis(), *_listeners(), *_gate(), *_runtimes())
"""All of them."""

DISTINCT: Final = (DistinctNames("gate.cutOffs"),)
"""The lists with distinct names."""


def broken_combinations(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return message and remedy of all that the values, by key, break."""
    return [
        *(each.said() for each in COMBINATIONS if each.is_broken(values)),
        *(each.said() for each in DISTINCT if each.repeated(values)),
    ]
