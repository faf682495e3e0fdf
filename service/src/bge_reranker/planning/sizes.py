"""How large requests are: how many documents, and how many tokens each pair has."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from typing import Final

import numpy as np

from ..engine.batch import Pair
from ..errors import SettingsError

_REMEDY = 'Write a number, such as 16, a range, such as "4-40", or "lognormal:MEDIAN:SIGMA".'
_SAMPLE = 2_000

_MOST_SIGMA: Final = 3.0
"""Beyond it one size in a thousand is ten thousand times the median."""

_MOST_DRAWN: Final = 1_000_000
"""What a log-normal distribution draws beyond it is cut to it."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """A distribution of sizes: fixed, uniform between two bounds, or log-normal, as lengths of texts are."""

    draw: Callable[[random.Random], int]

    @classmethod
    def parse(cls, text: str, option: str, most: int | None = None) -> Sizes:
        """Read one.

        Args:
            text: `16`, `4-40` or `lognormal:20:0.8`.
            option: What it was given to, for the error.
            most: Largest size; what a log-normal distribution draws beyond it is cut to it.

        Raises:
            SettingsError: If it is none of these, or beyond the largest.
        """
        try:
            if text.startswith("lognormal:"):
                median, sigma = (float(part) for part in text.removeprefix("lognormal:").split(":"))
                limit = most or _MOST_DRAWN
                if not (1 <= median <= limit and 0 <= sigma <= _MOST_SIGMA):
                    raise SettingsError(
                        f"{option} {text!r}: the median must be 1 to {limit}, and sigma 0 to {_MOST_SIGMA:g}.",
                        remedy=_REMEDY,
                    )
                mean = log(median)
                return cls(lambda chance: min(limit, max(1, round(chance.lognormvariate(mean, sigma)))))
            low, _, high = text.partition("-")
            bounds = int(low), int(high or low)
        except ValueError:
            raise SettingsError(f"{option} {text!r} is no size.", remedy=_REMEDY) from None
        if not 1 <= bounds[0] <= bounds[1]:
            raise SettingsError(f"{option} {text!r} must be 1 or more, the lower bound first.", remedy=_REMEDY)
        if most is not None and bounds[1] > most:
            raise SettingsError(f"{option} {text!r} must be at most {most}.", remedy=f"Write {most} or less.")
        if bounds[0] == bounds[1]:
            return cls(lambda _: bounds[0])
        return cls(lambda chance: chance.randint(*bounds))


@dataclass(frozen=True, slots=True)
class RequestSizes:
    """A distribution of requests.

    Attributes:
        draw: Tokens of each pair of one request.
    """

    draw: Callable[[random.Random], Sequence[int]]

    @classmethod
    def of(cls, documents: Sizes, tokens: Sizes) -> RequestSizes:
        """Requests of so many documents, and pairs of so many tokens."""
        return cls(lambda chance: [tokens.draw(chance) for _ in range(documents.draw(chance))])

    @classmethod
    def among(cls, requests: Sequence[Sequence[int]]) -> RequestSizes:
        """Requests as they were seen, any of them at a time."""
        return cls(lambda chance: requests[chance.randrange(len(requests))])

    def scaled(self, documents: float = 1.0, tokens: float = 1.0) -> RequestSizes:
        """The same with other numbers of documents, the first ones, and other lengths, of one at least."""

        def draw(chance: random.Random) -> list[int]:
            lengths = self.draw(chance)
            kept = lengths[: max(1, round(documents * len(lengths)))]
            return [max(1, round(tokens * length)) for length in kept]

        return RequestSizes(draw)

    def mean_tokens(self) -> float:
        """Tokens of a request, on average over a sample."""
        chance = random.Random(0)  # noqa: S311 - a load, not a secret
        return sum(sum(self.draw(chance)) for _ in range(_SAMPLE)) / _SAMPLE


@cache
def pair_of(tokens: int) -> Pair:
    """A pair of so many tokens, without meaning."""
    return Pair(np.zeros(tokens, dtype=np.int32), np.zeros(tokens, dtype=np.int8))
