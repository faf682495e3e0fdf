"""Text that other people's programs wrote: UTF-8, or what a byte order mark says; anything else is refused by name."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

_MARKS = (
    # The longer ones first: the mark of UTF-32 begins with one of UTF-16.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PACKED = ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"))
_MARK = "\ufeff"
_ESCAPE_START = 0xDC00
_ESCAPED = re.compile("[\udc80-\udcff]")
"""What stands for a byte that could not be decoded (PEP 383)."""

SAVE_AS_UTF8 = "Save it as UTF-8."
"""The remedy for a file that is in another encoding."""


class NotText(ValueError):
    """A file is no text that can be read without guessing; the message says why, as the end of a sentence."""


def decode_text(data: bytes, *, keeps_damage: bool = False) -> str:
    """Decode a file's bytes; line ends become line feeds, and marks at the start of lines go.

    A mark is at the start of a later line where files with one were joined.

    Args:
        data: The bytes.
        keeps_damage: Keep bytes that are not UTF-8 and those of value 0, so that `damage_of` finds them in their lines.

    Raises:
        NotText: If the bytes are in no encoding that they name, or in none that is unmistakable.
    """
    if (packed := next((name for start, name in _PACKED if data.startswith(start)), None)) is not None:
        raise NotText(f"is compressed ({packed}); unpack it first")
    mark, encoding = next((found for found in _MARKS if data.startswith(found[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding, "surrogateescape" if keeps_damage else "strict")
    except UnicodeDecodeError as error:
        place = len(mark) + error.start
        line = data.count(b"\n", 0, place) + 1
        raise NotText(f"is not {encoding.upper()}: {error.reason} at byte {place}, in line {line}") from None
    if "\0" in text and not keeps_damage:
        raise NotText("holds bytes of value 0, as UTF-16 without a byte order mark does")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removeprefix(_MARK).replace(f"\n{_MARK}", "\n")


def damage_of(line: str) -> str | None:
    """Describe bytes of a line that are no text, where `decode_text` kept them; None where there are none."""
    if "\0" in line:
        return "bytes of value 0, as UTF-16 without a byte order mark does"
    found = _ESCAPED.search(line)
    return None if found is None else f"a byte that is not UTF-8: 0x{ord(found.group()) - _ESCAPE_START:02x}"


def read_text(path: Path) -> str:
    """Read a file as `decode_text` does.

    Raises:
        NotText: As `decode_text`, and where the file cannot be read.
    """
    return decode_text(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Read a file.

    Raises:
        NotText: If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotText(f"cannot be read: {error.strerror}") from None
