"""Whether a request gets a place in the queue.

What belongs here: the rule, as a pure function of the figures. What must not: the queue itself, clocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CapacityError, DeadlineExceeded, QueueFull


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the engine is at one moment."""

    backlog_tokens: int
    """Tokens reserved, waiting and in flight."""

    max_queue_tokens: int
    """Most tokens that the backlog may have."""

    tokens_per_second: float
    """Measured throughput, above 0."""

    @property
    def backlog_s(self) -> float:
        """Seconds until all of the backlog is expected to be done."""
        return self.backlog_tokens / self.tokens_per_second


def refusal(tokens: int, remaining_s: float, load: Load) -> CapacityError | None:
    """Decide on one request.

    Args:
        tokens: Tokens that the request is expected to have.
        remaining_s: Seconds until its deadline.
        load: The backlog without this request.

    Returns:
        The error to answer with, or None when the request is welcome. An idle engine takes any size.
    """
    if remaining_s <= 0:
        return DeadlineExceeded("The deadline passed before the request could be queued.")
    if load.backlog_tokens == 0:
        return None
    overflow_tokens = load.backlog_tokens + tokens - load.max_queue_tokens
    if overflow_tokens > 0:
        # A request larger than the whole queue is welcome as soon as the engine is idle.
        retry_after_s = min(overflow_tokens, load.backlog_tokens) / load.tokens_per_second
        return QueueFull(
            f"The queue holds {load.backlog_tokens} tokens and has no room for {tokens} more "
            f"(maxQueueTokens is {load.max_queue_tokens}).",
            retry_after_s=retry_after_s,
        )
    if load.backlog_s > remaining_s:
        return QueueFull(
            f"The backlog is {load.backlog_s:.1f} s and the deadline of this request is in {remaining_s:.1f} s.",
            retry_after_s=load.backlog_s - remaining_s,
        )
    return None
