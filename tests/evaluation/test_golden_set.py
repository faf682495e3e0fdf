from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from bge_reranker.errors import GateInputChanged, SettingsError
from bge_reranker.evaluation.cases import InvalidJudgements
from bge_reranker.evaluation.golden_set import read_gate
from bge_reranker.evaluation.thresholds import Thresholds, gate_hash
from bge_reranker.settings import GateSettings

LINE = '{"query": "q", "candidates": [{"text": "a", "grade": 3}, {"text": "b", "grade": 1}, {"text": "c", "grade": 0}]}'


def test_graded_candidates_keep_their_grades() -> None:
    found = read_gate(GateSettings(golden_set=LINE))
    assert found is not None
    assert dict(found.cases[0].grades) == {"a": 3, "b": 1, "c": 0}


def test_one_golden_set_has_one_hash_wherever_it_lies(tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_text(LINE)
    digest = sha256(LINE.encode()).hexdigest()
    inline = read_gate(GateSettings(golden_set=LINE, min_ndcg_at_10=0.5))
    mounted = read_gate(GateSettings(golden_set_file=str(file), golden_set_sha256=digest, min_ndcg_at_10=0.5))
    assert inline is not None
    assert mounted is not None
    assert inline.hash == mounted.hash == gate_hash(digest, Thresholds(0.5))


def test_another_file_than_was_named_is_refused_with_both_digests(tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_text(LINE + "\n")
    with pytest.raises(GateInputChanged, match=f"{'0' * 64} is demanded") as raised:
        read_gate(GateSettings(golden_set_file=str(file), golden_set_sha256="0" * 64))
    assert raised.value.figures["sha256"] == sha256(file.read_bytes()).hexdigest()


def test_no_golden_set_is_no_gate() -> None:
    assert read_gate(GateSettings()) is None


def test_a_golden_set_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_gate(GateSettings(golden_set_file="/nowhere/golden.jsonl"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"query": "q", "candidates": "ab"}', "needs a list of objects"),
        ('{"query": "q", "candidates": [{"text": "a"}]}', "candidate 1 needs a text and a grade"),
        ('{"query": "q", "candidates": [{"text": "a", "grade": true}]}', "candidate 1 needs"),
        ('{"query": "q", "candidates": [{"text": "a", "grade": 0.5}]}', "candidate 1 needs"),
        ('{"query": "q", "candidates": [{"text": "a", "grade": -1}]}', "from 0 to 1000"),
        ('{"query": "q", "candidates": [{"text": "a", "grade": 1}]}', "do not differ in grade"),
        ('{"query": "q", "candidates": []}', "do not differ in grade"),
        (
            '{"query": "q", "candidates": [{"text": "a", "grade": 1}, {"text": "a", "grade": 0}]}',
            "candidate 2 has the text of an earlier one",
        ),
        ('{"query": "q"}', "needs query, and positive and negative or candidates"),
        ("[1]", "needs query"),
    ],
)
def test_a_bad_line_is_refused_by_its_number_and_reason(line: str, reason: str) -> None:
    with pytest.raises(InvalidJudgements, match=rf"goldenSet:2: .*{reason}"):
        read_gate(GateSettings(golden_set=f"{LINE}\n{line}"))
