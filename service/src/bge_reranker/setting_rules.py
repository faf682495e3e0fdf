"""Rules between settings, as data: service, chart and resource refuse the same values with the same sentence.

A rule relates two settings, or a setting to a number or to the model's longest pair. The bounds of one setting are in
its field's declaration.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Relation = Literal[">=", "<=", "<", "!="]

MIN_PAIR_TOKENS: Final = 8
"""Shortest allowed pair in tokens: the longest known layout has 4 special tokens, and both texts need room."""

MODEL_PAIR_TOKENS: Final = "the model's longest pair"
"""Stands in a rule for the tokens of the longest pair that the model reads; known once there is a model."""

_HOLDS: Mapping[Relation, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "<": operator.lt,
    "!=": operator.ne,
}


WORDS: Final[Mapping[Relation, str]] = {
    ">=": "at least",
    "<=": "at most",
    "<": "less than",
    "!=": "another number than",
}
"""Each relation as a sentence has it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One relation that must hold between two values.

    Attributes:
        left: A setting's key, such as `engine.maxQueueTokens`.
        right: Another one, `MODEL_PAIR_TOKENS`, or a number.
        consequence: What would follow otherwise.
        remedy: What to change.
    """

    left: str
    relation: Relation
    right: str | int
    consequence: str
    remedy: str

    def message(self, values: Mapping[str, int | None]) -> str:
        """Return what is wrong with these values; empty if nothing is.

        A side that is 0 or unset is chosen by the service, so that the rule holds.

        Args:
            values: Key to value, `MODEL_PAIR_TOKENS` included where it is known.
        """
        left = values.get(self.left)
        right = self.right if isinstance(self.right, int) else values.get(self.right)
        if not left or not right or _HOLDS[self.relation](left, right):
            return ""
        shown = str(right) if isinstance(self.right, int) else f"{self.right} ({right})"
        return f"{self.left} ({left}) must be {WORDS[self.relation]} {shown}, or {self.consequence}"


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "engine.maxQueueTokens",
        ">=",
        "engine.maxBatchTokens",
        "no batch could ever fill.",
        "Raise maxQueueTokens or lower maxBatchTokens.",
    ),
    Rule(
        "http.port",
        "!=",
        "http.managementPort",
        "the second listener could not start.",
        "Change one of them.",
    ),
    Rule(
        "http.maxBodiesBytes",
        ">=",
        "http.maxBodyBytes",
        "the largest body could never be read.",
        "Raise maxBodiesBytes or lower maxBodyBytes.",
    ),
    Rule(
        "text.maxPairTokens",
        ">=",
        MIN_PAIR_TOKENS,
        "special tokens would leave no room for texts.",
        "Raise it, or set it to 0 for the model's own limit.",
    ),
    Rule(
        "text.maxPairTokens",
        "<=",
        MODEL_PAIR_TOKENS,
        "the model could not read it.",
        "Lower it, or set it to 0 for the model's own limit.",
    ),
    *(
        Rule(f"text.{part}", "<", whole, "no room is left for a document.", f"Lower it{otherwise}.")
        for part in ("windowOverlapTokens", "maxQueryTokens")
        for whole, otherwise in (("text.maxPairTokens", ", or raise maxPairTokens"), (MODEL_PAIR_TOKENS, ""))
    ),
)
"""All rules."""


def broken(values: Mapping[str, int | None]) -> list[tuple[str, str]]:
    """Return message and remedy of each rule that the values break."""
    return [(message, rule.remedy) for rule in RULES if (message := rule.message(values))]
