"""What one contestant did in one stretch of time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One stretch."""

    clients: int
    tokens: int
    seconds: float
    latencies_s: list[float]
    """Of each request; empty where the contestant is called directly."""
    generator_cpu_s: float
    """CPU time of the load generator."""

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds
