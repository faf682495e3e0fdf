"""Why a file cannot be read as safetensors, found by reading its header once more by hand."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from .checkpoint_json import FETCH_AGAIN, foreign_content
from .errors import CorruptFile

_LENGTH = struct.Struct("<Q")
_MAX_HEADER_BYTES = 100_000_000
"""Most bytes of a header that the library reads."""

SAVE_AGAIN = "Save the model again with save_pretrained, which writes safetensors."


def describe_damage(path: Path, name: str) -> CorruptFile:
    """Say what is wrong with a file that the library could not open, and what helps.

    Args:
        path: The file.
        name: What it is called in messages.
    """
    foreign = foreign_content(path)
    if foreign is not None:
        return CorruptFile(f"{name} {foreign.what}.", remedy=foreign.remedy)
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            return CorruptFile(f"{name} has {size_bytes} bytes only; it was cut short.", remedy=FETCH_AGAIN)
        (length,) = _LENGTH.unpack(head)
        if length > _MAX_HEADER_BYTES:
            return CorruptFile(f"{name} is no safetensors file: it does not begin with a header.", remedy=SAVE_AGAIN)
        header = file.read(length)
    if len(header) < length:
        return CorruptFile(
            f"{name} was cut short: its header alone has {length} bytes, the file {size_bytes}.", remedy=FETCH_AGAIN
        )
    try:
        entries = json.loads(header)
        entries.pop("__metadata__", None)
        end = max(int(entry["data_offsets"][1]) for entry in entries.values())
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return CorruptFile(f"{name} is no safetensors file: its header cannot be read.", remedy=SAVE_AGAIN)
    declared_bytes = _LENGTH.size + length + end
    if declared_bytes > size_bytes:
        return CorruptFile(
            f"{name} was cut short: its header speaks of {declared_bytes} bytes, it has {size_bytes}.",
            remedy=FETCH_AGAIN,
        )
    return CorruptFile(
        f"{name} is no whole safetensors file: its header contradicts itself or the {size_bytes} bytes of the file.",
        remedy=SAVE_AGAIN,
    )
