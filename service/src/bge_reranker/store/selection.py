"""Which files of a source a model needs: those that decide its score, pickles only where there is nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from ..checkpoint_files import CONFIG_FILE, Read, choose_weights, require_safetensors
from ..errors import CorruptFile, UnknownModel
from .manifest import decides_beside_weights

_MAX_FILES = 10_000
"""More entries than this are no model."""


def select(names: Sequence[str], source: str, read: Read, *, allow_pickle: bool = False) -> list[str]:
    """Choose the files to fetch, sorted.

    Args:
        names: All files of the source; those in folders are other models or other formats.
        source: Its name, for messages.
        read: Reads a small file of the source.
        allow_pickle: Whether pickles will do where there is no safetensors file.

    Raises:
        UnknownModel: If there is no config.json.
        UnsafeFormat: If there are only pickles, and they are not allowed.
        CorruptFile: If there are no weights that could be loaded.
        ModelError: What `read` raises.
    """
    if len(names) > _MAX_FILES:
        raise CorruptFile(f"{source} has {len(names)} files; a model has at most {_MAX_FILES}.")
    plain = [name for name in names if is_plain_name(name)]
    if CONFIG_FILE not in plain:
        raise UnknownModel(f"{source} has no {CONFIG_FILE}.", remedy="Name a checkpoint in Hugging Face's layout.")
    weights = choose_weights(plain, read, source)
    if not allow_pickle:
        require_safetensors(weights, source)
    return sorted({*filter(decides_beside_weights, plain), *weights.names})


def is_plain_name(name: str) -> bool:
    """Whether a name stays in its folder, and is text in one line as the digest's lines need it."""
    is_inside = PurePosixPath(name).name == name and "\\" not in name and not name.startswith(".")
    return is_inside and name.isprintable()


def architecture_of(config: Mapping[str, object]) -> str | None:
    """The class name in a config.json, where it has one."""
    named = config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else None
