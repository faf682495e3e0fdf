"""The last changes of a Reranker's model, for its status. Pure.

For people only: what the operator does never depends on it, and of a status that was deleted it begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .change_record import FinalVerdict
from .model_change import State
from .rollout import Stage
from .situation import ModelSituation, Situation
from .versions import Version

MOST_ENTRIES = 10
SUPERSEDED = "Superseded"
"""What becomes of a change in the middle of which another version is wanted."""

Entry = Mapping[str, Any]


def history(before: Sequence[Entry], found: Situation, now: str) -> list[dict[str, Any]]:
    """The newest first.

    Args:
        before: Of the status of before.
        found: What was found.
        now: RFC 3339.
    """
    entries = [dict(each) for each in before]
    if found.model is not None:
        entries = _with_change(entries, found.model, found, now)
        _add_digest(entries, found)
    return entries[:MOST_ENTRIES]


def _with_change(
    entries: list[dict[str, Any]], model: ModelSituation, found: Situation, now: str
) -> list[dict[str, Any]]:
    decision = model.decision
    change, verdict = decision.record.change, decision.verdict
    if change is not None and not change.is_return and verdict is None:
        state = State.FETCHING if found.stage is Stage.FETCHING else decision.state
        return _under_way(entries, _entry(change.version, state.value, change.began), now)
    if verdict is not None:
        return _failed(entries, verdict, now)
    if entries and "ended" not in entries[0]:
        is_active = _is_of(entries[0], decision.version)
        return _closed(entries, State.ACTIVE.value if is_active else SUPERSEDED, now)
    if not entries and found.stage is Stage.COMPLETE:
        return [{**_entry(decision.version, State.ACTIVE.value, now), "ended": now}]
    return entries


def _under_way(entries: list[dict[str, Any]], entry: dict[str, Any], now: str) -> list[dict[str, Any]]:
    if entries and "ended" not in entries[0]:
        if _is_same(entries[0], entry):
            return [entry, *entries[1:]]
        entries = _closed(entries, SUPERSEDED, now)
    return [entry, *entries]


def _failed(entries: list[dict[str, Any]], verdict: FinalVerdict, now: str) -> list[dict[str, Any]]:
    entry = {**_entry(verdict.version, verdict.code, verdict.began), "ended": verdict.at, "message": verdict.message}
    if any(_is_same(each, entry) and "ended" in each for each in entries):
        return entries
    if entries and _is_same(entries[0], entry):
        return [entry, *entries[1:]]
    if entries and "ended" not in entries[0]:
        entries = _closed(entries, SUPERSEDED, now)
    return [entry, *entries]


def _closed(entries: list[dict[str, Any]], verdict: str, now: str) -> list[dict[str, Any]]:
    return [{**entries[0], "verdict": verdict, "ended": now}, *entries[1:]]


def _entry(version: Version, verdict: str, began: str) -> dict[str, Any]:
    entry = {"source": version.source, "revision": version.revision, "verdict": verdict, "began": began}
    return {key: value for key, value in entry.items() if value}


def _is_same(one: Entry, other: Entry) -> bool:
    keys = ("source", "revision", "began")
    return [one.get(key, "") for key in keys] == [other.get(key, "") for key in keys]


def _is_of(entry: Entry, version: Version) -> bool:
    return (entry.get("source", ""), entry.get("revision", "")) == (version.source, version.revision)


def _add_digest(entries: list[dict[str, Any]], found: Situation) -> None:
    """Of the version that serves, once all pods that answered say the same."""
    digests = {each.digest for each in found.facts}
    if found.stage is Stage.COMPLETE and entries and entries[0]["verdict"] == State.ACTIVE and len(digests) == 1:
        entries[0]["digest"] = digests.pop()
