from __future__ import annotations

import pytest

from bge_reranker.api.texts import texts_of
from bge_reranker.errors import InvalidField


def joined(item: object, *keys: str) -> str:
    return texts_of("documents", [item], objects_too=True, keys=keys)[0]


def test_fields_are_joined_in_the_order_in_which_they_are_named() -> None:
    item = {"a": "1", "unread": "2", "b": 3, "c": None}
    assert joined(item, "b", "none", "c", "a") == "3\n1"


def test_a_field_that_is_named_twice_is_read_once() -> None:
    assert joined({"a": "1", "b": "2"}, "b", "a", "b", "b") == "2\n1"
    assert joined({"text": "1"}, "text", "text") == "1"


def test_an_object_without_any_of_the_fields_is_refused_and_some_are_named() -> None:
    with pytest.raises(InvalidField, match=r"`documents\[0\]` is an object without anything under: a, b\."):
        joined({"a": None, "c": "1"}, "a", "b", "a")
