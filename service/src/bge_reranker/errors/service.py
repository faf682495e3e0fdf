"""What the server cannot do now, or failed to do: capacity and scoring."""

from __future__ import annotations

from .root import RerankerError


class CapacityError(RerankerError):
    """The server cannot serve this request now."""

    status = 503


class QueueFull(CapacityError):
    """The backlog leaves no capacity for this request."""

    status = 429


class RateLimited(CapacityError):
    """The caller asks for more than its share of requests, tokens or memory."""

    status = 429


class TokenKeysUnavailable(CapacityError):
    """The keys that verify tokens cannot be fetched, so that nothing can be said about a token."""


class TooManyConnections(CapacityError):
    """The listener holds as many connections as it may."""


class NotReady(CapacityError):
    """The model is still loading or warming up."""


class Draining(CapacityError):
    """The server is shutting down and has closed its queue."""


class DeadlineExceeded(CapacityError):
    """The deadline passed before the request was scored."""

    status = 504


class CallerGone(CapacityError):
    """The caller hung up; nobody reads this error, but the metric counts it."""

    status = 499


class ScoringError(RerankerError):
    """The scorer failed on this pair or batch."""


class NonFiniteScore(ScoringError):
    """The model gave NaN or an infinite logit for this pair."""


class PairTooLarge(ScoringError):
    """This single pair does not fit the memory of the device."""

    status = 507


class BatchFailed(ScoringError):
    """The scorer raises on this pair, whatever else is in its batch."""


class TokenizerFailed(ScoringError):
    """The tokenizer fails on this document, whatever stands beside it."""


class WorkerDied(ScoringError):
    """The thread that runs the scorer ended; the process must be restarted."""

    status = 503
