import json
from pathlib import Path

import pytest

from bge_reranker.evaluation.cases import (
    DEFAULT_GROUP,
    InvalidJudgements,
    RankingCase,
    load_cases,
    load_trec_cases,
    save_cases,
)


def test_json_lines_become_cases_with_their_group(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    lines = [
        {"query": "苹果", "positive": ["水果"], "negative": ["汽车", "火车"], "group": "zh"},
        {"query": "apple", "positive": ["fruit"], "negative": ["car"]},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n", encoding="utf-8")

    chinese, english = load_cases(path)

    assert chinese == RankingCase("苹果", {"汽车": 0, "火车": 0, "水果": 1}, "zh")
    assert english.group == DEFAULT_GROUP


def test_cases_are_read_as_they_were_saved(tmp_path: Path) -> None:
    cases = [RankingCase("苹果", {"汽车": 0, "水果": 1}, "zh"), RankingCase("apple", {"car": 0, "fruit": 1})]
    save_cases(cases, tmp_path / "cases.jsonl")
    assert load_cases(tmp_path / "cases.jsonl") == cases


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"query": "q", "positive": ["a"]}',
        '{"query": "q", "positive": [], "negative": ["b"]}',
        '{"query": "q", "positive": ["a"], "negative": []}',
        '{"query": 1, "positive": ["a"], "negative": ["b"]}',
        '{"query": "", "positive": ["a"], "negative": ["b"]}',
        '{"query": "q", "positive": 3, "negative": ["b"]}',
        '{"query": "q", "positive": "abc", "negative": ["b"]}',
        "[" * 100_000,
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text('{"query": "q", "positive": ["a"], "negative": ["b"]}\n' + line + "\n", encoding="utf-8")

    with pytest.raises(InvalidJudgements, match=r"cases\.jsonl:2"):
        load_cases(path)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b'{"query": "caf\xe9"')

    with pytest.raises(InvalidJudgements, match=r"cases\.jsonl is not UTF-8: .* at byte 14"):
        load_cases(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text('{"query": "苹果", "positive": ["a"], "negative": ["b"]}\n', encoding=encoding)

    assert load_cases(path) == [RankingCase("苹果", {"a": 1, "b": 0})]


def test_lone_surrogates_become_replacement_characters(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(r'{"query": "q", "positive": ["a\ud800"], "negative": ["b"]}', encoding="utf-8")

    assert sorted(load_cases(path)[0].documents) == ["a\ufffd", "b"]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text("\n", encoding="utf-8")

    with pytest.raises(InvalidJudgements, match="no judged query"):
        load_cases(path)


def test_documents_keep_their_order_when_grades_change() -> None:
    texts = ["one", "two", "three", "four"]

    orders = {tuple(RankingCase("q", dict.fromkeys(texts, 0) | {text: 1}).documents) for text in texts}

    assert len(orders) == 1


@pytest.fixture
def trec_folder(tmp_path: Path) -> Path:
    (tmp_path / "queries.tsv").write_text("1\tapple\n2\tunjudged\n", encoding="utf-8")
    (tmp_path / "documents.tsv").write_text("d1\tfruit\nd2\tcar\nd3\ttrain\n", encoding="utf-8")
    (tmp_path / "qrels.txt").write_text("1 0 d1 2\n1 0 d2 0\n", encoding="utf-8")
    (tmp_path / "run.txt").write_text("1 Q0 d3 1 9.0 bm25\n1 Q0 d1 2 8.0 bm25\n", encoding="utf-8")
    return tmp_path


def load_folder(folder: Path, *, with_run: bool, said: list[str] | None = None) -> list[RankingCase]:
    return load_trec_cases(
        queries=folder / "queries.tsv",
        documents=folder / "documents.tsv",
        qrels=folder / "qrels.txt",
        run=folder / "run.txt" if with_run else None,
        say=(said if said is not None else []).append,
    )


def test_trec_files_give_the_judged_documents_when_there_is_no_run(trec_folder: Path) -> None:
    assert load_folder(trec_folder, with_run=False) == [RankingCase("apple", {"fruit": 2, "car": 0})]


def test_trec_files_give_the_run_s_documents_when_there_is_one(trec_folder: Path) -> None:
    assert load_folder(trec_folder, with_run=True) == [RankingCase("apple", {"train": 0, "fruit": 2})]


def test_a_trec_judgement_of_an_unknown_document_is_refused(trec_folder: Path) -> None:
    (trec_folder / "qrels.txt").write_text("1 0 d9 1\n", encoding="utf-8")

    with pytest.raises(InvalidJudgements, match="d9"):
        load_folder(trec_folder, with_run=False)


def test_a_line_without_a_tab_is_refused_with_its_number(trec_folder: Path) -> None:
    (trec_folder / "queries.tsv").write_text("1\tapple\nbroken\n", encoding="utf-8")

    with pytest.raises(InvalidJudgements, match=r"queries\.tsv:2"):
        load_folder(trec_folder, with_run=False)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["queries.tsv", "documents.tsv", "qrels.txt", "run.txt"])
def test_trec_files_lose_nothing_by_their_byte_order_mark(trec_folder: Path, name: str, encoding: str) -> None:
    expected = load_folder(trec_folder, with_run=True)
    text = (trec_folder / name).read_text(encoding="utf-8")
    (trec_folder / name).write_text(text.replace("\n", "\r\n"), encoding=encoding, newline="")

    assert load_folder(trec_folder, with_run=True) == expected


def test_an_empty_query_of_trec_is_refused_by_its_identifier(trec_folder: Path) -> None:
    queries = (trec_folder / "queries.tsv").read_text(encoding="utf-8")
    (trec_folder / "queries.tsv").write_text(queries.replace("apple", ""), encoding="utf-8")

    with pytest.raises(InvalidJudgements, match="query 1 is empty"):
        load_folder(trec_folder, with_run=False)


@pytest.mark.parametrize("qrels", ["query-id\tcorpus-id\tscore\n1\td1\t2\n1\td2\t0\n", "1\td1\t2\n1\td2\t0\n"])
def test_the_three_columns_of_beir_are_judgements_too(trec_folder: Path, qrels: str) -> None:
    (trec_folder / "qrels.txt").write_text(qrels, encoding="utf-8")

    assert load_folder(trec_folder, with_run=False) == [RankingCase("apple", {"fruit": 2, "car": 0})]


def test_queries_and_documents_may_be_beir_s_json_lines(trec_folder: Path) -> None:
    (trec_folder / "queries.tsv").write_text('{"_id": "1", "text": "apple", "metadata": {}}\n', encoding="utf-8")
    documents = [{"_id": "d1", "title": "Fruit", "text": "grows"}, {"_id": "d2", "title": "", "text": "car"}]
    (trec_folder / "documents.tsv").write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")

    assert load_folder(trec_folder, with_run=False) == [RankingCase("apple", {"Fruit grows": 2, "car": 0})]


def test_queries_without_a_relevant_candidate_are_told_of(trec_folder: Path) -> None:
    said: list[str] = []
    load_folder(trec_folder, with_run=False, said=said)

    assert said == ["1 of 2 queries are left out: they have no relevant candidate."]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("qrels.txt", "1 0 d1 2\n9 0 d1 1\n", r"qrels\.txt names 1 query that .* does not have, the first of them '9'"),
        ("run.txt", "9 Q0 d1 1 9.0 bm25\n", r"run\.txt names 1 query that .* does not have, the first of them '9'"),
        ("qrels.txt", "1 0 d1 2\n1 0 d2\n", r"qrels\.txt:2: needs a query"),
        ("qrels.txt", "1 0 d1 much\n", r"qrels\.txt:1: needs a query"),
        ("qrels.txt", "1 0 d1 1.5\n", r"qrels\.txt:1: needs a query"),
        ("qrels.txt", "1 0 d1 2\n1 0 d1 0\n", r"qrels\.txt:2: judges document d1 for query 1 again"),
        ("run.txt", "1 Q0 d1 1 9.0\n", r"run\.txt:1: needs query, Q0"),
        ("queries.tsv", "1\tapple\n1\tpear\n", r"queries\.tsv:2: the identifier 1 is there before"),
        ("documents.tsv", '{"_id": "d1"}\n', r"documents\.tsv:1: needs _id and text"),
        ("documents.tsv", '{"_id": 1, "text": "a"}\n', r"documents\.tsv:1: needs texts under _id"),
    ],
)
def test_what_would_be_lost_in_silence_is_refused_by_name(trec_folder: Path, name: str, text: str, words: str) -> None:
    (trec_folder / name).write_text(text, encoding="utf-8")

    with pytest.raises(InvalidJudgements, match=words):
        load_folder(trec_folder, with_run=True)
