from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from bge_reranker.configuration import load_settings
from bge_reranker.errors import SettingsError, Unauthenticated
from bge_reranker.guard.api_keys import ApiKeys, load_keys
from bge_reranker.guard.caller import ANONYMOUS


def bearer(key: str) -> Headers:
    return Headers({"Authorization": f"Bearer {key}"})


def test_each_of_several_keys_opens_and_is_named_by_its_digest() -> None:
    keys = ApiKeys(["first-key", "second-key"])
    for key in ("first-key", "second-key"):
        assert keys.check(bearer(key)).name == sha256(key.encode()).hexdigest()[:8]


def test_a_wrong_key_beside_the_right_one_does_no_harm() -> None:
    headers = Headers({"Authorization": "Bearer fake", "Api-Key": "first-key"})
    assert ApiKeys(["first-key"]).check(headers).kind == "key"


def test_without_keys_everybody_passes() -> None:
    assert ApiKeys().check(Headers({})) is ANONYMOUS
    assert ApiKeys().check(bearer("whatever")) is ANONYMOUS


@pytest.mark.parametrize("key", ["first-ke", "first-key2", "FIRST-KEY", "", "first-key,second-key", "first-kéy", "*"])
def test_what_only_resembles_a_key_does_not_open(key: str) -> None:
    with pytest.raises(Unauthenticated):
        ApiKeys(["first-key", "second-key"]).check(bearer(key))


def test_no_key_and_a_wrong_key_are_told_apart_in_words_and_the_key_is_not_repeated() -> None:
    keys = ApiKeys(["first-key"])
    with pytest.raises(Unauthenticated, match="none was sent") as missing:
        keys.check(Headers({}))
    assert "Authorization: Bearer KEY" in missing.value.sentence()
    with pytest.raises(Unauthenticated, match="none of this server's") as wrong:
        keys.check(bearer("almost-right"))
    assert "almost-right" not in wrong.value.sentence()


def test_keys_come_from_the_setting_and_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# ours, since May\nthird-key\r\n\n  fourth-key  \nfirst-key\n  #old-key-of-may, older-key\n")
    keys = load_keys(load_settings(flags={"api_keys": "first-key, second-key,", "keys_file": str(file)}).guard)
    assert len(keys) == 4
    for key in ("first-key", "second-key", "third-key", "fourth-key"):
        assert keys.check(bearer(key)).kind == "key"
    for comment in ("#old-key-of-may", "older-key"):
        with pytest.raises(Unauthenticated):
            keys.check(bearer(comment))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "keys"
    file.write_text("first-key\nsecond-key\n", encoding=encoding)
    keys = load_keys(load_settings(flags={"keys_file": str(file)}).guard)
    assert keys.check(bearer("first-key")).kind == "key"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (",", "apiKeys holds no API key"),
        (
            "long-enough,short",
            "Key 2 in apiKeys must have at least 8 printable ASCII characters and no space; it has 5",
        ),
        ("with a space", "Key 1 in apiKeys"),
        ("schlüssel-1", "Key 1 in apiKeys"),
        ("good-key-1,'short-of-nothing'", "Key 2 in apiKeys stands in quotation marks"),
        ('"short-of-nothing,good-key-1"', "Key 1 in apiKeys stands in quotation marks"),
    ],
)
def test_keys_that_cannot_be_are_refused_at_start_without_being_shown(setting: str, words: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_keys(load_settings(flags={"api_keys": setting}).guard)
    assert words in raised.value.sentence()
    assert not any(key in raised.value.sentence() for key in ("short", "with a space", "schlüssel"))


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe", b"# no key yet\n", "a-long-key".encode("utf-16-le")])
def test_a_file_without_keys_never_means_that_everybody_may_call(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="keys"):
        load_keys(load_settings(flags={"keys_file": str(file)}).guard)
    with pytest.raises(SettingsError, match=r"absent.* cannot be read"):
        load_keys(load_settings(flags={"keys_file": str(tmp_path / "absent")}).guard)
