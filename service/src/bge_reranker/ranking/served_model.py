"""A model that has been loaded and warmed up, with everything that ranks with it."""

from __future__ import annotations

from dataclasses import dataclass

from ..engine.engine import Engine
from ..engine.scorer import ScorerDescription
from ..evaluation.verdict import GateVerdict
from ..planning.expectation import Expectation
from ..store.lease import Lease
from ..store.verified_load import Verified
from .ranker import Ranker

CLOSE_S = 10.0
"""Seconds for an engine to end what it was given before; by then nobody waits for more."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a model was measured to compute at warm-up."""

    tokens_per_second: float
    pairs_per_second: float
    """Pairs of `pair_tokens` tokens."""
    pair_tokens: int
    batch_s: float = 0.0
    """Seconds that a batch takes however small it is."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that has been loaded and warmed up."""

    name: str
    """Name in answers: `demo`, a folder's name, or org/name."""

    source: str
    """Where it came from, as the store writes sources."""

    revision: str | None
    """Commit of a hub, or the store's name of the version; None for the embedded model and plain folders."""

    digest: str
    """Tree digest of the model's files, hexadecimal."""

    verified: Verified
    """Whether every byte was compared with the manifest before serving, or sizes and a sample."""

    capacity: Capacity
    """As measured at warm-up."""

    ranker: Ranker
    engine: Engine

    description: ScorerDescription
    """What scores, as settled by warm-up."""

    lease: Lease | None = None
    """Hold on the store's version, where it lies in a store."""

    expected: Expectation | None = None
    """What to expect for the load that the settings name; None where they name none."""

    gate: GateVerdict | None = None
    """What the relevance gate found; None without one."""

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Free the weights, and let go of the store's version.

        Args:
            timeout_s: Seconds to wait for what is queued.
        """
        self.engine.close(timeout_s)
        if self.lease is not None:
            self.lease.release()
