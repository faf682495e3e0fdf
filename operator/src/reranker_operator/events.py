"""What becomes a Kubernetes event about a Reranker. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        reason: CamelCase, stable.
        is_warning: Whether a person should look.
    """

    reason: str
    message: str
    is_warning: bool = False


def joined(events: Iterable[Event]) -> list[Event]:
    """One event for all of a reason."""
    same: dict[str, list[Event]] = {}
    for event in events:
        same.setdefault(event.reason, []).append(event)
    return [
        Event(reason, " ".join(each.message for each in found), is_warning=any(each.is_warning for each in found))
        for reason, found in same.items()
    ]


def transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Event]:
    """Events when the reason of the Ready condition is another one than before, or others have added more.

    Args:
        before: The status of before.
        after: The status of now.
    """
    former = {each["type"]: each for each in before.get("conditions") or ()}
    latter = {each["type"]: each for each in after["conditions"]}
    found, ready, drifted = [], latter["Ready"], latter["Drifted"]
    if former.get("Ready", {}).get("reason") != ready["reason"]:
        is_warning = "lastFailure" in after or latter["Stalled"]["status"] == "True"
        is_warning = is_warning and ready["reason"] != "Suspended"
        found.append(Event(ready["reason"], ready["message"], is_warning=is_warning))
    if drifted["status"] == "True" and former.get("Drifted", {}).get("message") != drifted["message"]:
        found.append(Event("Drifted", drifted["message"], is_warning=True))
    return found
