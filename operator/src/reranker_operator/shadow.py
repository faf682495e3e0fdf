"""A version beside the one that serves: what is demanded of it, what was found, and whether that is enough. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .clock import seconds_between
from .pods import ShadowFacts
from .reasons import FINAL_CODES
from .trouble import Trouble

DEADLINE_EXCEEDED = "DeadlineExceeded"
"""Code of a change that took too long."""

SHADOW_FAILED = "ShadowFailed"
"""Code of a version that ranked too differently on live requests."""

_SLACK = 1e-9
"""What rounding may take from a mean that meets its threshold exactly."""


@dataclass(frozen=True)
class ShadowPolicy:
    """What a version must do beside the one that serves before it serves, as the chart says it.

    Attributes:
        min_duration_s: How long it is compared.
        min_comparisons: Fewest requests that both have answered by then.
        min_kendall_tau: Least agreement of the orders; None for any.
        max_drift: Most that scores may differ on average; None for any.
    """

    min_duration_s: float = 3600.0
    min_comparisons: int = 100
    min_kendall_tau: float | None = None
    max_drift: float | None = None


@dataclass(frozen=True)
class Shadow:
    """The version beside the one that serves, as it was found; nothing of it is another version's.

    Attributes:
        is_ready: Whether its pod is.
        trouble: Of its pod.
        is_overdue: Whether its controller gave up waiting for the pod.
        comparisons: Requests that both have answered, over all pods that serve.
        kendall_tau: Mean agreement; None if no request had an order.
        score_drift: Mean distance of scores; None before the first comparison.
    """

    is_ready: bool = False
    trouble: Trouble | None = None
    is_overdue: bool = False
    comparisons: int = 0
    kendall_tau: float | None = None
    score_drift: float | None = None


class Passed(Enum):
    """It did what was demanded."""

    PASSED = "passed"


PASSED: Final = Passed.PASSED

Verdict = tuple[str, str] | Passed | None
"""Code and message of a failure; that it passed; or None, that it goes on."""


def joined(facts: Iterable[ShadowFacts]) -> tuple[int, float | None, float | None]:
    """Comparisons, mean tau and mean drift over all pods that serve, each with the weight of what it compared."""
    each = list(facts)
    comparisons = sum(one.comparisons for one in each)
    tau = _mean((one.kendall_tau, one.orders) for one in each)
    return comparisons, tau, _mean((one.score_drift, one.comparisons) for one in each)


def judged(shadow: Shadow, policy: ShadowPolicy, since: str, now: str, deadline_s: float) -> Verdict:
    """Whether the comparison is over, and how.

    Args:
        shadow: What was found.
        policy: What is demanded.
        since: When its pod was ready first; empty before.
        now: RFC 3339.
        deadline_s: How long more than demanded it may take to compare enough requests.
    """
    if shadow.trouble is not None and shadow.trouble.code in FINAL_CODES:
        return shadow.trouble.code, shadow.trouble.message
    if not since:
        return _never_ready(shadow) if shadow.is_overdue else None
    passed_s = seconds_between(since, now)
    if passed_s < policy.min_duration_s:
        return None
    if shadow.comparisons < policy.min_comparisons:
        return _too_few(shadow, policy) if passed_s > policy.min_duration_s + deadline_s else None
    problems = [*_problems(shadow, policy)]
    return (SHADOW_FAILED, " ".join(problems)) if problems else PASSED


def _problems(shadow: Shadow, policy: ShadowPolicy) -> Iterable[str]:
    least, most = policy.min_kendall_tau, policy.max_drift
    requests = f"on {shadow.comparisons} live requests"
    if least is not None and shadow.kendall_tau is None:
        yield f"No request of {shadow.comparisons} had two documents, so that there was no order to agree on."
    elif least is not None and shadow.kendall_tau is not None and shadow.kendall_tau < least - _SLACK:
        yield (
            f"Kendall tau with the serving version is {shadow.kendall_tau:.4f} {requests}; at least {least:g} is "
            "demanded (rollout.shadow.minKendallTau)."
        )
    if most is not None and shadow.score_drift is not None and shadow.score_drift > most + _SLACK:
        yield (
            f"Scores differ by {shadow.score_drift:.4f} on average {requests}; at most {most:g} is allowed "
            "(rollout.shadow.maxDrift)."
        )


def _never_ready(shadow: Shadow) -> tuple[str, str]:
    last = f" At the end: {shadow.trouble.code}. {shadow.trouble.message}" if shadow.trouble else ""
    what = "The shadow did not get ready within rollout.progressDeadlineSeconds."
    return DEADLINE_EXCEEDED, f"{what} Mend what is in the way, or raise it.{last}"


def _too_few(shadow: Shadow, policy: ShadowPolicy) -> tuple[str, str]:
    return DEADLINE_EXCEEDED, (
        f"The shadow was compared on {shadow.comparisons} requests, and {policy.min_comparisons} are demanded "
        "(rollout.shadow.minComparisons). Raise rollout.shadow.sampleRatio, lower minComparisons, or find out by the "
        "metric bge_reranker_shadow_samples_total why samples are lost."
    )


def _mean(weighted: Iterable[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in weighted if value is not None and weight > 0]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
