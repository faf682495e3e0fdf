from __future__ import annotations

from base64 import b64encode

import pytest
from starlette.datastructures import Headers

from bge_reranker.guard.credentials import offered_keys


def basic(pair: bytes) -> str:
    return "Basic " + b64encode(pair).decode()


@pytest.mark.parametrize(
    ("name", "value", "offered"),
    [
        ("Authorization", "Bearer key-1", ["key-1"]),
        ("authorization", "bearer  key-1 ", ["key-1"]),
        ("Authorization", "Token key-1", ["key-1"]),
        ("Authorization", "Api-Key key-1", ["key-1"]),
        ("Authorization", "key-1", ["key-1"]),
        ("Authorization", basic(b"anybody:key-1"), ["key-1"]),
        ("Authorization", basic(b":key:1"), ["key:1"]),
        ("Api-Key", "key-1", ["key-1"]),
        ("X-API-Key", " key-1 ", ["key-1"]),
        ("Authorization", "", []),
        ("Authorization", "Bearer", []),
        ("Authorization", "Bearer ", []),
        ("Authorization", "Basic", []),
        ("Authorization", "Basic !!!", []),
        ("Authorization", basic(b"\xff:\xff"), []),
        ("Authorization", basic(b"anybody"), []),
        ("X-Api-Key", "", []),
        ("Cookie", "key-1", []),
    ],
)
def test_a_key_is_found_wherever_clients_put_theirs(name: str, value: str, offered: list[str]) -> None:
    assert list(offered_keys(Headers({name: value}))) == offered


def test_every_header_counts_though_one_is_there_twice() -> None:
    raw = [(b"authorization", b"Bearer one"), (b"authorization", b"Bearer two"), (b"api-key", b"three")]
    assert list(offered_keys(Headers(raw=raw))) == ["one", "two", "three"]
