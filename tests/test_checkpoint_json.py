from __future__ import annotations

from pathlib import Path

import pytest

from bge_reranker.checkpoint_json import MAX_JSON_BYTES, MAX_NESTING, foreign_content, read_json_object
from bge_reranker.errors import CorruptFile

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
FETCHING_HELPS = "Fetch the model again."


@pytest.mark.parametrize(
    ("content", "words", "remedy"),
    [
        (b"", "is empty", FETCHING_HELPS),
        (POINTER, "Git LFS pointer", "git lfs pull"),
        (b"  <!DOCTYPE HTML><html>", "a web page", "/resolve/"),
        (b"\xef\xbb\xbf<html>", "a web page", "/resolve/"),
        (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "a web page", "/resolve/"),
        (b"\x1f\x8b\x08\x00", "is compressed", "Unpack it."),
        (b"\xef\xbb\xbf{}", "byte order mark", "UTF-8 without the mark"),
        ("{}".encode("utf-16"), "byte order mark", "UTF-8 without the mark"),
        (b'{"a": "caf\xe9"}', "not UTF-8: byte 10 is 0xe9", "UTF-8"),
        (b'{"a": 1', "cut short", FETCHING_HELPS),
        (b'{"a": "b', "cut short", FETCHING_HELPS),
        (b"{'a': 1}", "no JSON from line 1, column 2 on", "published with the model"),
        (b'{"a": 1,\n "b" 2}', "no JSON from line 2, column 6 on", "published with the model"),
        (b"[1]", "holds a list; expected a JSON object", "published with the model"),
        (b'{"a": ' + b"[" * 100_000, f"more than {MAX_NESTING} levels", "published with the model"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "more digits", "published with the model"),
        (b" " * (MAX_JSON_BYTES + 1), f"at most {MAX_JSON_BYTES}", "published with the model"),
    ],
)
def test_what_is_no_file_of_settings_is_refused_by_what_it_is(
    tmp_path: Path, content: bytes, words: str, remedy: str
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match=words) as caught:
        read_json_object(path)
    assert remedy in caught.value.remedy
    assert str(path) in caught.value.message


def nested_file(folder: Path, levels: int) -> Path:
    path = folder / "config.json"
    path.write_text('{"a":' * levels + "1" + "}" * levels)
    return path


def test_nesting_is_bounded_exactly(tmp_path: Path) -> None:
    assert list(read_json_object(nested_file(tmp_path, MAX_NESTING))) == ["a"]
    with pytest.raises(CorruptFile, match="levels deep"):
        read_json_object(nested_file(tmp_path, MAX_NESTING + 1))


def test_an_absent_file_is_empty_only_where_it_is_optional(tmp_path: Path) -> None:
    assert read_json_object(tmp_path / "none.json", is_optional=True) == {}
    with pytest.raises(CorruptFile, match="cannot be read"):
        read_json_object(tmp_path / "none.json")


def test_a_link_to_nothing_is_no_absent_file(tmp_path: Path) -> None:
    (tmp_path / "loose.json").symlink_to(tmp_path / "gone.json")
    with pytest.raises(CorruptFile, match="cannot be read"):
        read_json_object(tmp_path / "loose.json", is_optional=True)


@pytest.mark.parametrize(("name", "content"), [("merges.txt", b""), ("pytorch_model.bin", b"PK\x03\x04")])
def test_other_files_may_be_empty_or_compressed(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert foreign_content(tmp_path / name) is None
