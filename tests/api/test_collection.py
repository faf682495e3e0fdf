"""Garbage collection while a large body is parsed."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from bge_reranker.api.body import parse_large
from bge_reranker.api.collection import CollectionPause
from bge_reranker.errors import InvalidBody


def test_a_body_of_many_lists_is_parsed_without_a_collection() -> None:
    starts: list[str] = []

    def note(phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            starts.append(phase)

    content = bytearray(b'{"x": [' + b"[]," * 100_000 + b"[]]}")
    gc.callbacks.append(note)
    try:
        parsed = parse_large(content)
        collections = len(starts)
    finally:
        gc.callbacks.remove(note)
    assert len(parsed["x"]) == 100_001
    assert collections <= 1, "only the one that was due when the pause ended"
    assert gc.isenabled()


def test_collection_goes_on_after_a_body_that_is_no_json() -> None:
    with pytest.raises(InvalidBody):
        parse_large(bytearray(b"{"))
    assert gc.isenabled()


def test_collection_stands_still_until_the_last_body_is_parsed() -> None:
    pause = CollectionPause()
    with pause.hold():
        with pause.hold():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
