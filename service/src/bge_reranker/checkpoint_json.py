"""The small files of a checkpoint: read within bounds, and called by name where they are something else.

Anybody who reads such files meets Git LFS pointers, web pages, files cut short, and JSON that is none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .errors import CorruptFile

MAX_JSON_BYTES = 16 * 2**20
"""Largest file of settings in bytes; the largest that are published, with every added token, have one or two MiB."""

MAX_NESTING = 64
"""Deepest nesting of such a file; those that are published stay below ten."""

_HEAD_BYTES = 512
"""Bytes that tell what a file really is."""

FETCH_AGAIN = "Fetch the model again."
USE_PUBLISHED = "Use the file that was published with the model, or save the model again with save_pretrained."


@dataclass(frozen=True, slots=True)
class ForeignContent:
    """What lies where a file of a checkpoint should."""

    what: str
    """In words, to follow the file's name: "is a web page"."""

    remedy: str


def foreign_content(path: Path) -> ForeignContent | None:
    """Recognise what is often found in place of a checkpoint's file; None where it may be the file itself.

    Raises:
        CorruptFile: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error
    if head.startswith(b"version https://git-lfs"):
        return ForeignContent(
            "is a Git LFS pointer, not the file that it stands for",
            "Run `git lfs pull` in the clone, or fetch the model with `bge-reranker model fetch`.",
        )
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<error", b"<head", b"<!--")):
        return ForeignContent(
            "is a web page, not the file itself",
            "Fetch it from the address of the raw file (on Hugging Face `/resolve/`, not `/blob/`); a login page or a "
            "proxy's may have come in its place.",
        )
    # Other files may well be empty or compressed: a list of no merges, a pickle.
    if path.suffix in (".json", ".safetensors"):
        if not head:
            return ForeignContent("is empty", FETCH_AGAIN)
        if head.startswith((b"\x1f\x8b", b"PK\x03\x04")):
            return ForeignContent("is compressed", "Unpack it.")
    return None


def read_json_object(path: Path, *, is_optional: bool = False) -> dict[str, object]:
    """Read a file of settings.

    Args:
        path: The file.
        is_optional: Whether it may be absent, which reads as empty.

    Raises:
        CorruptFile: If it is no JSON object, or larger or deeper than such a file ever is.
    """
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError as error:
        if is_optional and not path.is_symlink():
            return {}
        raise _unreadable(path, error) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if (found := foreign_content(path)) is not None:
        raise CorruptFile(f"{path} {found.what}.", remedy=found.remedy)
    if size_bytes > MAX_JSON_BYTES:
        raise CorruptFile(
            f"{path} has {size_bytes} bytes; a checkpoint's file of settings has at most {MAX_JSON_BYTES}.",
            remedy=USE_PUBLISHED,
        )
    content = _parse(path, _text(path))
    if not isinstance(content, dict):
        raise CorruptFile(f"{path} holds a {type(content).__name__}; expected a JSON object.", remedy=USE_PUBLISHED)
    if _is_deeper(content, MAX_NESTING):
        raise _too_deep(path)
    return content


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise CorruptFile(
            f"{path} begins with a byte order mark; JSON has none.", remedy="Save it as UTF-8 without the mark."
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptFile(
            f"{path} is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}.", remedy="Save it as UTF-8."
        ) from error


def _parse(path: Path, text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise CorruptFile(f"{path} was cut short: its JSON does not end.", remedy=FETCH_AGAIN) from error
        raise CorruptFile(
            f"{path} is no JSON from line {error.lineno}, column {error.colno} on.", remedy=USE_PUBLISHED
        ) from error
    except RecursionError as error:
        raise _too_deep(path) from error
    except ValueError as error:
        raise CorruptFile(
            f"{path} holds a number of more digits than any setting has.", remedy=USE_PUBLISHED
        ) from error


def _is_deeper(content: object, levels: int) -> bool:
    layer = [content]
    for _ in range(levels + 1):
        children: list[object] = []
        for value in layer:
            if isinstance(value, dict):
                children.extend(value.values())
            elif isinstance(value, list):
                children.extend(value)
        if not children:
            return False
        layer = children
    return True


def _too_deep(path: Path) -> CorruptFile:
    return CorruptFile(
        f"{path} is nested more than {MAX_NESTING} levels deep, which no file of a checkpoint is.",
        remedy=USE_PUBLISHED,
    )


def _unreadable(path: Path, error: OSError) -> CorruptFile:
    return CorruptFile(
        f"{path} cannot be read: {error.strerror}.", remedy="Fetch the model again, or mend its permissions."
    )
