"""What became of one request."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["answered", "refused", "failed"]
"""`refused`: 429 or 503 with the time after which to retry. `failed`: no answer, any other status, a wrong answer."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request.

    Attributes:
        step: Number of its step.
        sent_s: When it was to be sent, in seconds from the start of its step.
        late_s: How much later it was sent: the process that sends was busy.
        latency_s: From when it was to be sent until its whole answer was there, so that a stall counts against every
            request that would have been sent meanwhile.
        status: Of the answer; 0 without one.
        reason: Why it was refused or failed.
        documents: That it asked for.
        caller: Number of the caller.
        version: What scored it, as the server says.
        question: Number of the question.
        tokens: That were scored, as the server says; 0 where it does not.
    """

    step: int
    sent_s: float
    late_s: float
    latency_s: float
    status: int
    outcome: Outcome
    reason: str
    documents: int
    caller: int
    version: str
    question: int = 0
    tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self)
