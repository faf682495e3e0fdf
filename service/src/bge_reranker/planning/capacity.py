"""What one replica can do, as it was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..engine.plan import Plan
from ..settings import EngineSettings


@dataclass(frozen=True, slots=True)
class ReplicaCapacity:
    """What is known of a replica.

    Attributes:
        tokens_per_second: That it computes in full batches.
        batch_s: Seconds that a batch takes however small it is.
        request_s: Seconds that a request takes besides its batches: network, HTTP, tokenising.
        gpus: GPUs of a replica; 0 on CPUs.
        max_pair_tokens: Longest pair that it reads.
        engine: Its limits of queue and batches.
        source: Where the figures are from.
        doubts: What should be known of them.
    """

    tokens_per_second: float
    batch_s: float = 0.0
    request_s: float = 0.0
    gpus: int = 0
    max_pair_tokens: int = 512
    engine: EngineSettings = field(default_factory=EngineSettings)
    source: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def full_batch_tokens(self) -> float:
        """Tokens of a full batch, for memory and for time."""
        in_time = self.tokens_per_second * self.engine.max_batch_ms / 1000
        return max(1.0, min(self.engine.max_batch_tokens, in_time))

    def batch_seconds(self) -> Callable[[Plan], float]:
        """What a batch takes: a constant and so much for each token, together what was measured of a full one."""
        token_s = max(0.0, 1 / self.tokens_per_second - self.batch_s / self.full_batch_tokens)
        return lambda plan: self.batch_s + token_s * plan.tokens
