"""What a body weighs, told from its bytes."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bge_reranker.api.weight import items_in, values_in, weight_bytes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(alphabet='a",:[]{}\\é'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='a",:[]{}\\'), inner, max_size=4),
    max_leaves=30,
)
LARGE = 1_048_576
"""Bytes that are looked at at once."""


def counted(value: Any) -> int:
    """Values and keys inside of one, with one for each list and object, for what may be empty."""
    if isinstance(value, list):
        return max(1, len(value)) + sum(map(counted, value))
    if isinstance(value, dict):
        return max(1, 2 * len(value)) + sum(map(counted, value.values()))
    return 0


@given(value=JSON)
def test_values_are_counted_and_what_only_looks_so_in_texts_is_not(value: Any) -> None:
    for content in (json.dumps(value).encode(), orjson.dumps(value)):
        assert values_in(bytearray(content), 0, LARGE) == counted(value)
        assert values_in(bytearray(content), len(content), LARGE) >= counted(value)


@given(value=st.lists(JSON))
def test_items_of_a_list_are_counted_whatever_is_in_them(value: list[Any]) -> None:
    for content in (json.dumps(value).encode(), orjson.dumps(value), json.dumps(value, indent=2).encode()):
        assert items_in(content) == len(value)


def test_items_are_counted_across_slices_too() -> None:
    value = [["a,", {"b": [1, 2]}], "\\", ",[" * 500_000, [], 'x"' * 300_000] * 3
    assert items_in(json.dumps(value).encode()) == 15


@pytest.mark.parametrize("before", [0, 1, 2, LARGE - 10, LARGE - 9, LARGE - 8, LARGE - 7])
@pytest.mark.parametrize("text", ["\\", '"', '\\"', "[", "\\\\[", '[",["'])
def test_a_text_is_a_text_across_slices_too(before: int, text: str) -> None:
    content = bytearray(json.dumps(["x" * before, text, [text] * 3, "y" * LARGE, [7]]).encode())
    assert values_in(content, 0, LARGE) == 5 + 3 + 1


@pytest.mark.parametrize("end", [b"", b'"', b"\\", b'\\"'])
def test_a_text_that_never_ends_holds_no_values(end: bytes) -> None:
    assert values_in(bytearray(b'{"a": "' + b'[\\"' * 500_000 + end), 10, LARGE) == 2


def test_nothing_but_backslashes_is_counted_too() -> None:
    assert values_in(bytearray(b"[" + b"\\" * 3 * LARGE), 0, LARGE) == 1


@pytest.mark.parametrize(
    ("content", "times"),
    [
        (b'"plain"', 2),
        (b'"a\\n"', 2),
        ('"竹"'.encode(), 3),
        ('"é"'.encode(), 3),
        (b'"\\u7af9"', 3),
        ('"😀"'.encode(), 5),
        (b'"\\ud83d\\ude00"', 5),
        (b'"\\uD83D\\uDE00"', 5),
        ('"竹\\ud83d\\ude00"'.encode(), 5),
    ],
)
def test_a_text_weighs_as_its_widest_character(content: bytes, times: int) -> None:
    assert weight_bytes(bytearray(content), 3) == times * len(content) + 240
