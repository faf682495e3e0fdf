"""Text of other programs: which encodings are read, and what is refused rather than guessed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bge_reranker.text_files import NotText, damage_of, decode_text, read_text

TEXT = "Äpfel 苹果\nzwei 🍎\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_text_is_the_same_in_every_encoding_that_it_names(encoding: str) -> None:
    assert decode_text(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_end_as_they_do_elsewhere(end: str) -> None:
    assert decode_text(TEXT.replace("\n", end).encode()) == TEXT


def test_marks_of_files_that_were_joined_go(tmp_path: Path) -> None:
    file = tmp_path / "joined"
    file.write_bytes("one\n".encode("utf-8-sig") + "two\r\n".encode("utf-8-sig"))
    assert read_text(file) == "one\ntwo\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("Äpfel".encode("latin-1"), "is not UTF-8: .* at byte 0"),
        ("苹果".encode("gb18030"), "is not UTF-8"),
        ("apples".encode("utf-16-le"), "as UTF-16 without a byte order mark"),
        (b"\xff\xfea", "is not UTF-16-LE: .* at byte 2"),
        (gzip.compress(b"apples"), r"is compressed \(gzip\); unpack it first"),
        (b"\xef\xbb\xbfab\n\xff", "is not UTF-8: .* at byte 6, in line 2"),
    ],
    ids=["latin-1", "gb18030", "utf-16 without a mark", "half a character", "gzip", "a mark before other bytes"],
)
def test_what_would_have_to_be_guessed_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(NotText, match=words):
        decode_text(data)


def test_damage_is_found_in_its_line() -> None:
    lines = decode_text("gut\nsch\xf6n\nnu\0ll\n".encode("latin-1"), keeps_damage=True).split("\n")

    assert [damage_of(line) for line in lines] == [
        None,
        "a byte that is not UTF-8: 0xf6",
        "bytes of value 0, as UTF-16 without a byte order mark does",
        None,
    ]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotText, match="cannot be read: No such file or directory"):
        read_text(tmp_path / "absent")
