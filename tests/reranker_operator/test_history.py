"""The last changes of a model in the status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reranker_operator.change_record import Change, FinalVerdict, Record
from reranker_operator.history import MOST_ENTRIES, history
from reranker_operator.model_change import Decision, State
from reranker_operator.pods import PodFacts
from reranker_operator.rollout import Stage
from reranker_operator.situation import ModelSituation, Situation
from reranker_operator.versions import Version

from .situations import DONE

A, B, C = (Version(source="hf://org/model", revision=name) for name in "abc")
BEGAN, NOW = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"
FACTS = PodFacts("org/model", "hf://org/model", "b", "b" * 64, "float16", "cuda", 10.0, 128)


def found(decision: Decision, stage: Stage = Stage.ROLLING) -> Situation:
    return Situation(stage=stage, count=2, deployment=DONE, model=ModelSituation(decision, decision.version))


def under_way(version: Version, state: State = State.ROLLING) -> Situation:
    return found(Decision(state, version, Record(change=Change(version=version, began=BEGAN))))


def at_rest(version: Version) -> Situation:
    return replace(found(Decision(State.ACTIVE, version, Record()), Stage.COMPLETE), facts=(FACTS,))


def told(entries: list[dict[str, Any]]) -> list[tuple[str, str, bool]]:
    return [(each["revision"], each["verdict"], "ended" in each) for each in entries]


def test_a_change_is_told_from_its_begin_to_its_end_in_one_entry() -> None:
    entries = history([], under_way(B, State.FETCHING), NOW)
    assert told(entries) == [("b", "Fetching", False)]
    entries = history(entries, under_way(B), NOW)
    assert told(entries) == [("b", "Rolling", False)]
    entries = history(entries, at_rest(B), NOW)
    assert told(entries) == [("b", "Active", True)]
    assert (entries[0]["digest"], entries[0]["began"], entries[0]["ended"]) == ("b" * 64, BEGAN, NOW)
    assert history(entries, at_rest(B), "later") == entries


def test_a_failure_is_told_once_with_its_code_also_where_the_status_was_deleted() -> None:
    verdict = FinalVerdict(version=B, shape="s", code="Gated", message="Ask for it.", began=BEGAN, at=NOW)
    failed = found(Decision(State.ROLLED_BACK, A, Record(verdicts=(verdict,)), verdict=verdict), Stage.ROLLED_BACK)
    for before in ([], history([], under_way(B), NOW)):
        entries = history(before, failed, "later")
        assert told(entries) == [("b", "Gated", True)]
        assert (entries[0]["message"], entries[0]["ended"]) == ("Ask for it.", NOW)
        assert history(entries, failed, "much later") == entries


def test_a_change_in_the_middle_of_another_supersedes_it() -> None:
    entries = history(history([], under_way(B), NOW), under_way(C), NOW)
    assert told(entries) == [("c", "Rolling", False), ("b", "Superseded", True)]
    assert told(history(entries, at_rest(A), NOW)) == [("c", "Superseded", True), ("b", "Superseded", True)]


def test_a_first_version_that_serves_begins_the_history() -> None:
    assert told(history([], at_rest(B), NOW)) == [("b", "Active", True)]


def test_what_was_not_looked_at_changes_nothing_and_the_oldest_go() -> None:
    before = [{"source": "s", "revision": str(number), "verdict": "Active", "ended": NOW} for number in range(10)]
    assert history(before, Situation(stage=Stage.COMPLETE, count=2), NOW) == before
    entries = history(before, under_way(B), NOW)
    assert len(entries) == MOST_ENTRIES
    assert entries[0]["revision"] == "b"
