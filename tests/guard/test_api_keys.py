from __future__ import annotations

from hashlib import sha256

import pytest

from bge_reranker.errors import SettingsError
from bge_reranker.guard.api_keys import ApiKeys, hashed, read_keys


def test_each_of_several_keys_opens_and_is_named_by_its_digest() -> None:
    keys = read_keys("first-key, second-key,", "apiKeys")
    assert len(keys) == 2
    for key in ("first-key", "second-key"):
        found = keys.find(key)
        assert found is not None
        assert (found.name, found.kind) == (sha256(key.encode()).hexdigest()[:8], "key")


@pytest.mark.parametrize("key", ["first-ke", "first-key2", "FIRST-KEY", "", "first-key,second-key", "first-kéy", "*"])
def test_what_only_resembles_a_key_does_not_open(key: str) -> None:
    assert read_keys("first-key,second-key", "apiKeys").find(key) is None
    assert ApiKeys().find(key) is None


def test_lines_and_commas_part_keys_and_comments_hold_none() -> None:
    keys = read_keys("# ours, since May\nthird-key\r\n\n  fourth-key  , fifth-key\n  #old-key-of-may, older-key\n", "f")
    assert [keys.find(key) is not None for key in ("third-key", "fourth-key", "fifth-key")] == [True] * 3
    assert [keys.find(key) for key in ("#old-key-of-may", "older-key")] == [None, None]


def test_a_hashed_key_opens_and_its_digest_does_not() -> None:
    line = hashed("first-key")
    assert "first-key" not in line
    for written in (line, line.upper().replace("SHA256", "sha256")):
        keys = read_keys(written, "f")
        assert keys.find("first-key") is not None
        assert keys.find(line) is keys.find(line.partition(":")[2]) is None


def test_a_line_may_name_its_caller_and_say_what_it_may() -> None:
    keys = read_keys(f"{hashed('first-key')} name=search-team scopes=rerank,metrics\nsecond-key= name=jobs", "f")
    first, second = keys.find("first-key"), keys.find("second-key=")
    assert first is not None
    assert second is not None
    assert (first.name, set(first.scopes)) == ("search-team", {"rerank", "metrics"})
    assert (second.name, set(second.scopes)) == ("jobs", {"rerank"})


def test_two_keys_of_one_name_are_one_caller_so_that_a_rotation_starts_no_new_share() -> None:
    keys = read_keys("old-key-1 name=search\nnew-key-1 name=search", "f")
    assert keys.find("old-key-1") == keys.find("new-key-1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (",", "f holds no API key"),
        ("# none yet\n", "f holds no API key"),
        ("long-enough,short", "Key 2 in f must have at least 8 printable ASCII characters and no space; it has 5"),
        ("with a space", "Key 1 in f"),
        ("schlüssel-1", "Key 1 in f"),
        ("good-key-1,'short-of-nothing'", "Key 2 in f stands in quotation marks"),
        ('"short-of-nothing,good-key-1"', "Key 1 in f stands in quotation marks"),
        ("sha256:abc", "Key 1 in f is no SHA-256 of 64 hexadecimal digits"),
        ("first-key name=a/b", "Key 1 in f has a name that is not"),
        ("first-key scopes=rerank,root", "Key 1 in f has a scope 'root', which does not exist. Scopes: admin"),
        ("first-key nmae=search", "Key 1 in f has an attribute 'nmae'"),
        ("first-key name=a name=b", "Key 1 in f has name more than once"),
        ("first-key name=a\nfirst-key name=b", "Key 2 in f stands there before, with another name"),
    ],
)
def test_keys_that_cannot_be_are_refused_without_being_shown(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_keys(text, "f")
    assert words in raised.value.sentence()
    assert not any(key in raised.value.sentence() for key in ("short-of", "with a space", "schlüssel", "first-key"))
