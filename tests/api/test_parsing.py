"""Parsing bodies, and garbage collection meanwhile."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest

from bge_reranker.api.gc_pause import GcPause
from bge_reranker.api.parsing import MOST_VALUES_AT_ONCE, Keys, parse, parse_large
from bge_reranker.api.wide_integers import WideInteger
from bge_reranker.errors import InvalidBody, TooManyDocuments

KEYS = Keys(
    read=frozenset({"query", "candidates", "requests", "x"}),
    counted=frozenset({"candidates", "requests"}),
    nested=frozenset({"requests"}),
)
MANY = 1_000_000


def large(body: Any) -> bytearray:
    content = bytearray(json.dumps(body).encode())
    assert len(content) > 60_000, "what is smaller is parsed at once"
    return content


def test_a_large_body_has_the_values_of_a_small_one() -> None:
    documents: list[Any] = ["a text", {"text": 'é 竹 😀 "\\', "n": [1, -2.5, None, True, {}]}, 7, "[", "]", ["a", "b"]]
    body = {"query": "q" * 60_000, "candidates": documents * 1_000, "x": {"deep": documents}, "top_n": 3, "": None}
    content = large(body)
    assert parse_large(content, KEYS, MANY) == parse(content) == body


def test_what_nobody_reads_is_left_out_of_a_large_body_unless_it_is_small() -> None:
    content = large({"candidates": ["a"], "vectors": [0.5] * 20_000, "user": "u"})
    assert parse_large(content, KEYS, MANY) == {"candidates": ["a"], "user": "u"}


@pytest.mark.parametrize("item", ["text", {"text": "of", "values": [1, 2, 3]}])
@pytest.mark.parametrize("count", [9_000, MOST_VALUES_AT_ONCE + 1])
def test_documents_that_are_too_many_are_counted_and_not_parsed(count: int, item: Any) -> None:
    assert parse_large(large({"candidates": [item] * count}), KEYS, 3) == {"candidates": [None] * count}
    content = large({"requests": [{"query": "q", "candidates": [item] * 60_000}]})
    assert parse_large(content, KEYS, 3) == {"requests": [{"query": "q", "candidates": [None] * 60_000}]}


def test_another_list_of_far_too_many_items_is_counted_and_not_parsed() -> None:
    count, most = MOST_VALUES_AT_ONCE + 1, MOST_VALUES_AT_ONCE
    with pytest.raises(TooManyDocuments, match=rf"`x` holds {count} items; the limit is {most}\."):
        parse_large(large({"x": ["text"] * count}), KEYS, 3)


def test_another_list_of_more_items_than_documents_is_parsed_for_others_to_judge() -> None:
    body = {"x": ["text"] * 20_000, "candidates": [[1, 2]] * 3}
    assert parse_large(large(body), KEYS, 3) == body


def test_the_values_of_one_of_several_requests_are_not_counted_together() -> None:
    documents = [{"text": "a", "id": index, "metadata": {"candidates": [1, 2, 3]}} for index in range(9_000)]
    body = {"requests": [{"query": "q", "candidates": documents, "top_n": 3}, {"query": "r", "candidates": ["b"]}]}
    assert parse_large(large(body), KEYS, MANY) == body


def test_a_document_of_a_request_of_too_many_values_is_told_so_by_name() -> None:
    content = large({"requests": [{"query": "q", "candidates": ["a", {"vector": [0] * MOST_VALUES_AT_ONCE}]}]})
    with pytest.raises(InvalidBody, match=r"`requests\[0\]\.candidates\[1\]` has more than"):
        parse_large(content, KEYS, MANY)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"x": "%s", "candidates": [%s 1e999]}' % (b"x" * 60_000, b'"a text",' * 8_000), r"`candidates\[8000\]`"),
        (b'{"x": 1e999, "candidates": [%s "a"]}' % (b'"a text",' * 8_000), "`x`"),
        (b'{"secret": 1e999, "candidates": [%s "a"]}' % (b'"a text",' * 8_000), "A value that is not read"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_since_its_position_counts_from_it(body: bytes, place: str) -> None:
    with pytest.raises(InvalidBody, match=rf"^{place} is not valid JSON: number is infinity") as refused:
        parse_large(bytearray(body), KEYS, MANY)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("beside", [b'"a"', b'"\\u00e9"', b'"\\ud800"', b"123456789012345678901234567890"])
def test_a_number_beyond_a_double_is_refused_whatever_stands_beside_it(beside: bytes) -> None:
    for number in (b"1e999", b"-1E400"):
        with pytest.raises(InvalidBody, match="is not valid JSON: number is infinity"):
            parse(b"[%s, %s]" % (beside, number))
    assert parse(b"[%s, 1.5e300]" % beside)[1] == 1.5e300


def test_a_document_of_too_many_values_is_told_so_by_name() -> None:
    content = large({"candidates": ["a", {"text": "b", "vector": [0] * MOST_VALUES_AT_ONCE}]})
    with pytest.raises(InvalidBody, match=rf"`candidates\[1\]` has more than {MOST_VALUES_AT_ONCE} values"):
        parse_large(content, KEYS, MANY)


@pytest.mark.parametrize("value", [{"a": [0] * MOST_VALUES_AT_ONCE}, "x" * 99_999 + "\ud800"])
def test_values_of_no_list_are_bounded_or_parsed(value: Any) -> None:
    content = large({"query": value})
    if isinstance(value, str):
        assert parse_large(content, KEYS, MANY) == {"query": "x" * 99_999 + "\ufffd"}
    else:
        with pytest.raises(InvalidBody, match="`query` has more than"):
            parse_large(content, KEYS, MANY)


def test_wide_integers_and_lone_surrogates_of_a_large_body_stay_what_they_are() -> None:
    content = bytearray(b'{"candidates": [%s {"id": 123456789012345678901234567890}]}' % (b'"some text",' * 9_000))
    wide = parse_large(content, KEYS, MANY)["candidates"][-1]["id"]
    assert isinstance(wide, WideInteger)
    assert wide == 123456789012345678901234567890
    content = bytearray(b'{"candidates": [%s "\\ud800!"]}' % (b'"some text",' * 9_000))
    assert parse_large(content, KEYS, MANY)["candidates"][-1] == "\ufffd!"


@pytest.mark.parametrize(
    "end", [b"", b"]", b"]}}", b"NaN]}", b'"\xff"]}', b"," + b"[" * 100_000 + b"]" * 100_000 + b"]}", b'"\\ud800"']
)
def test_a_large_body_that_is_no_json_is_refused(end: bytes) -> None:
    with pytest.raises(InvalidBody, match=r"is not (valid )?JSON"):
        parse_large(bytearray(b'{"candidates": [' + b'"some text",' * 60_000 + end), KEYS, MANY)


@pytest.mark.parametrize("content", [b'["' + b"x" * 99_999 + b'"', b"null" + b"x" * 99_999, b" " * 99_999])
def test_a_large_body_that_is_no_json_is_refused_for_that_whatever_it_begins_with(content: bytes) -> None:
    with pytest.raises(InvalidBody, match="is not valid JSON"):
        parse_large(bytearray(content), KEYS, MANY)


@pytest.mark.parametrize("content", [b'["' + b"x" * 99_999 + b'"]', b'"' + b"x" * 99_999 + b'"', b" " * 99_999 + b"1"])
def test_a_large_body_that_is_no_object_is_nothing(content: bytes) -> None:
    assert parse_large(bytearray(content), KEYS, MANY) is None


def test_a_body_of_many_lists_is_parsed_without_a_collection() -> None:
    starts: list[str] = []

    def note(phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            starts.append(phase)

    content = bytearray(b'{"x": [' + b"[]," * 100_000 + b"[]]}")
    gc.callbacks.append(note)
    try:
        parsed = parse_large(content, KEYS, MANY)
        collections = len(starts)
    finally:
        gc.callbacks.remove(note)
    assert len(parsed["x"]) == 100_001
    assert collections <= 1, "only the one that was due when the pause ended"
    assert gc.isenabled()


def test_collection_goes_on_after_a_body_that_is_no_json() -> None:
    with pytest.raises(InvalidBody):
        parse_large(bytearray(b"{"), KEYS, MANY)
    assert gc.isenabled()


def test_collection_stands_still_until_the_last_body_is_parsed() -> None:
    pause = GcPause()
    with pause.hold():
        with pause.hold():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
