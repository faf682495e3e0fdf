"""What the records of a step say: rates, percentiles, and which step is the knee."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from .plan import Step
from .record import Record

KNEE_FACTOR: Final = 2.0
"""Multiple of the lightest step's p95 beyond which a load is past the knee."""

ANSWERED_SHARE: Final = 0.99
"""Share of the requests that must be answered before the knee."""

_LATE_SHARE: Final = 0.05
"""Share of the median latency by which requests may be sent late before the sender is said to be too slow."""
_LATE_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One step in figures; latencies are of answered requests, in milliseconds, NaN where there is none.

    Attributes:
        step: The load.
        seconds: From its start until the last answer.
        requests: Sent.
        answered: With 200 and right scores.
        refused: At once, with the time after which to retry.
        failed: Without an answer, with any other status, or with a wrong answer.
        documents_per_second: Of answered requests.
        tokens_per_second: Of answered requests, where the dialect says; else 0.
        p95_by_caller: p95 of each caller.
        reasons: Why requests were refused or failed, and how many.
        versions: What scored, and how many answers.
        late_p99_ms: By which requests were sent late: a busy sender, no server's fault.
    """

    step: Step
    seconds: float
    requests: int
    answered: int
    refused: int
    failed: int
    documents_per_second: float
    tokens_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    p95_by_caller: tuple[float, ...]
    reasons: dict[str, int]
    versions: dict[str, int]

    @property
    def rate(self) -> float:
        """Requests per second that were sent."""
        return self.requests / self.step.seconds

    @property
    def goodput(self) -> float:
        """Requests per second that were answered."""
        return self.answered / self.seconds if self.seconds else 0.0

    @property
    def sender_is_late(self) -> bool:
        """Whether the process that sends was too busy for the latencies to be the server's alone."""
        return self.late_p99_ms / 1000 > max(_LATE_S, _LATE_SHARE * self.p50_ms / 1000)


def summarise(step: Step, records: Sequence[Record]) -> StepSummary:
    """Put the records of one step into figures."""
    answered = [record for record in records if record.outcome == "answered"]
    callers = sorted({record.caller for record in records})
    seconds = max((record.sent_s + record.latency_s for record in records), default=0.0)
    return StepSummary(
        step=step,
        seconds=seconds,
        requests=len(records),
        answered=len(answered),
        refused=sum(record.outcome == "refused" for record in records),
        failed=sum(record.outcome == "failed" for record in records),
        documents_per_second=sum(record.documents for record in answered) / seconds if seconds else 0.0,
        tokens_per_second=sum(record.tokens for record in answered) / seconds if seconds else 0.0,
        p50_ms=_percentile_ms(answered, 50),
        p95_ms=_percentile_ms(answered, 95),
        p99_ms=_percentile_ms(answered, 99),
        max_ms=_percentile_ms(answered, 100),
        late_p99_ms=float(np.percentile([record.late_s for record in records], 99)) * 1000 if records else 0.0,
        p95_by_caller=tuple(_percentile_ms([each for each in answered if each.caller == one], 95) for one in callers),
        reasons=dict(Counter(record.reason for record in records if record.reason).most_common()),
        versions=dict(Counter(record.version for record in answered).most_common()),
    )


def knee(steps: Sequence[StepSummary], p95_ms: float | None) -> StepSummary | None:
    """The heaviest step that is still served well, with every lighter one; None if the lightest is not.

    Args:
        steps: From light to heavy.
        p95_ms: Objective of the 95th percentile; None: `KNEE_FACTOR` times that of the lightest step.
    """
    if not steps:
        return None
    bound = p95_ms if p95_ms is not None else KNEE_FACTOR * steps[0].p95_ms
    last = None
    for step in steps:
        if not (step.p95_ms <= bound and step.answered >= ANSWERED_SHARE * step.requests):
            break
        last = step
    return last


def _percentile_ms(records: Sequence[Record], percent: float) -> float:
    latencies = [record.latency_s for record in records]
    return float(np.percentile(latencies, percent)) * 1000 if latencies else float("nan")
