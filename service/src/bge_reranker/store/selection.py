"""Which files of a source a model needs: those that decide its score, pickles only where there is nothing else.

What belongs here: the choice by names. What must not: reading anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ..errors import CorruptFile, UnknownModel, UnsafeFormat
from .manifest import is_model_file

CONFIG_FILE = "config.json"
"""The file without which nothing is a checkpoint."""

_PICKLES = ("pytorch_model*.bin", "pytorch_model.bin.index.json")
"""Weights that only `convert` may touch."""

_MAX_FILES = 10_000
"""More entries than this are no model."""


def select(names: Sequence[str], source: str, *, allow_pickle: bool = False) -> list[str]:
    """Choose the files to fetch, sorted.

    Args:
        names: All files of the source; those in folders are other models or other formats.
        source: Its name, for messages.
        allow_pickle: Whether pickles will do where there is no safetensors file.

    Raises:
        UnknownModel: If there is no config.json.
        UnsafeFormat: If there are only pickles, and they are not allowed.
        CorruptFile: If there are no weights at all.
    """
    if len(names) > _MAX_FILES:
        raise CorruptFile(f"{source} has {len(names)} files; a model has at most {_MAX_FILES}.")
    chosen = sorted(name for name in names if is_plain_name(name) and is_model_file(name))
    if CONFIG_FILE not in chosen:
        raise UnknownModel(
            f"{source} has no {CONFIG_FILE}.", remedy="Give the place of a checkpoint in Hugging Face's layout."
        )
    if any(name.endswith(".safetensors") for name in chosen):
        return chosen
    pickles = sorted(name for name in names if is_plain_name(name) and is_pickle(name))
    if not pickles:
        raise CorruptFile(f"{source} has no weights.", remedy="Give a checkpoint with model.safetensors.")
    if not allow_pickle:
        raise UnsafeFormat(f"{source} has its weights in pickles only ({', '.join(pickles[:3])}).")
    return sorted([*chosen, *pickles])


def is_pickle(name: str) -> bool:
    """Whether a file holds pickled weights, or says where they are."""
    return any(fnmatchcase(name, pattern) for pattern in _PICKLES)


def is_plain_name(name: str) -> bool:
    """Whether a name stays in its folder, and is text in one line as the digest's lines need it."""
    is_inside = PurePosixPath(name).name == name and "\\" not in name and not name.startswith(".")
    return is_inside and name.isprintable()


def architecture_of(config: bytes) -> str | None:
    """The class name in a config.json, where it has one."""
    try:
        parsed = json.loads(config)
        found = parsed["architectures"][0]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    return str(found)
