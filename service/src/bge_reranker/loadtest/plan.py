"""What a load test does: steps of load, each open or closed loop."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .arrivals import Arrivals


@dataclass(frozen=True, slots=True)
class Step:
    """One load for some time: either of `rate` and `clients` is given.

    Attributes:
        seconds: Length; requests that are still open then are waited for and counted.
        rate: Requests per second, open loop: sent at their times whether or not earlier ones have been answered.
        clients: Closed loop: so many clients, each of which sends its next request when its last one is answered.
        arrivals: How requests arrive, open loop.
    """

    seconds: float
    rate: float | None = None
    clients: int | None = None
    arrivals: Arrivals = "poisson"

    @property
    def label(self) -> str:
        """The load, for tables."""
        return f"{self.rate:g}/s" if self.rate is not None else f"{self.clients} clients"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """All that the process which sends requests is told.

    Attributes:
        url: Of the server, without a slash at its end.
        path: Below it.
        keys: API keys, one for each caller; callers take turns. Empty: one caller without a key.
        steps: One after the other.
        timeout_s: Longest wait for one answer.
        score_tolerance: Most by which the score of a pair may differ between two answers of one version.
        seed: Of arrivals.
    """

    url: str
    path: str
    keys: tuple[str, ...]
    steps: tuple[Step, ...]
    timeout_s: float
    score_tolerance: float
    seed: int

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> LoadPlan:
        """The plan that `as_json` gave."""
        steps = tuple(Step(**step) for step in values.pop("steps"))
        return cls(**{**values, "keys": tuple(values["keys"]), "steps": steps})
