"""Whose turn it is, by the reason that a condition gives. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files


class Who(StrEnum):
    """Who has to act, in the words of the Stalled condition."""

    NOBODY = "nobody"
    AUTHOR = "whoever writes this Reranker"
    ADMINISTRATOR = "the cluster's administrator"


@dataclass(frozen=True)
class Duty:
    """Who has to act on a reason.

    Attributes:
        is_retried: Whether it may pass by itself, so that it is their turn only if it lasts.
    """

    who: Who
    is_retried: bool = False

    @property
    def stalls(self) -> bool:
        """Whether nothing moves until somebody acts."""
        return self.who is not Who.NOBODY and not self.is_retried


_NOBODY = Duty(Who.NOBODY)
_AUTHOR = Duty(Who.AUTHOR)
_ADMINISTRATOR = Duty(Who.ADMINISTRATOR)
_AUTHOR_IF_IT_LASTS = Duty(Who.AUTHOR, is_retried=True)
_ADMINISTRATOR_IF_IT_LASTS = Duty(Who.ADMINISTRATOR, is_retried=True)

_CODES: dict[str, list[str]] = json.loads((files(__package__) / "scorer_codes.json").read_text(encoding="utf-8"))

RETRIED_CODES = frozenset(_CODES["worthARetry"])
"""Codes with which a scorer ends, and which may pass although nobody changes anything."""

FINAL_CODES = frozenset(_CODES["final"])
"""Codes with which a scorer ends until somebody changes something."""

DUTIES: dict[str, Duty] = {
    # How far the Deployment is.
    **dict.fromkeys(
        (
            *("AllReplicasReady", "ScaledToZero", "Creating", "Moving", "RollingOut", "Scaling", "UpdatePending"),
            *("Fetching", "Verifying", "Shadowing"),
        ),
        _NOBODY,
    ),
    "RolledBack": _AUTHOR,
    "ShadowFailed": _AUTHOR,
    "PinnedByAnnotation": _AUTHOR,
    "ProgressDeadlineExceeded": _AUTHOR,
    "Suspended": _AUTHOR,
    # What the operator met.
    "InvalidSpec": _AUTHOR,
    "NotAllowed": _AUTHOR,
    "NotOwned": _AUTHOR,
    "KindNotInstalled": _ADMINISTRATOR,
    "ServerTooOld": _AUTHOR,
    "RefusedByCluster": _AUTHOR,
    "PodsRefused": _AUTHOR,
    "FormerChild": _ADMINISTRATOR_IF_IT_LASTS,
    "RenderFailed": _ADMINISTRATOR_IF_IT_LASTS,
    "ClusterUnavailable": _ADMINISTRATOR_IF_IT_LASTS,
    "Contended": _ADMINISTRATOR_IF_IT_LASTS,
    "OperatorFault": _ADMINISTRATOR_IF_IT_LASTS,
    # What is the matter with a pod.
    "Unschedulable": _ADMINISTRATOR_IF_IT_LASTS,
    "ClaimNotBound": _AUTHOR,
    **dict.fromkeys(
        ("ImagePull", "InvalidImage", "ContainerConfig", "OutOfMemory", "ProcessEnded", "Evicted"), _AUTHOR
    ),
    "PodFailed": _ADMINISTRATOR,
}
"""By reason that is the operator's own."""


def duty(reason: str) -> Duty:
    """Who has to act on it; on what a scorer says of itself, the author."""
    return DUTIES.get(reason, _AUTHOR_IF_IT_LASTS if reason in RETRIED_CODES else _AUTHOR)


def is_for_a_pod_to_say(code: str) -> bool:
    """Whether a code is about the pod itself: an image of anybody's must not speak for the operator or the cluster."""
    return code in RETRIED_CODES | FINAL_CODES or code not in DUTIES
