"""Which files of a checkpoint hold the weights that are loaded: decided once, for fetching, verifying and loading.

The choice is made by names and by the index of shards, as transformers makes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from safetensors import SafetensorError, safe_open

from .checkpoint_json import foreign_content
from .errors import CorruptFile, UnsafeFormat
from .safetensors_damage import describe_damage

CONFIG_FILE = "config.json"
"""The file without which nothing is a checkpoint."""

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
PICKLED_WEIGHTS_FILE = "pytorch_model.bin"
PICKLED_INDEX_FILE = "pytorch_model.bin.index.json"

MAX_INDEX_BYTES = 16_777_216
"""Most bytes of an index of shards that are read; those of the largest models have some hundred kB."""

Read = Callable[[str], bytes]
"""Gives a small file's content by its name; raises a ModelError where it cannot be read."""

_OTHER_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".ot", ".gguf", ".onnx")
"""Endings of files that hold weights, of other variants and for other programs; they are named where nothing else is
there."""

_MAX_NAMED = 3
"""Most files that an error names."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of a checkpoint that hold the weights that are loaded."""

    files: tuple[str, ...]
    """Names of the files with tensors, sorted."""

    index: str | None
    """Name of the file that says in which of them each tensor is; None where there is one file."""

    is_pickled: bool
    """Whether they are pickles, which have to be converted before they are loaded."""

    @property
    def names(self) -> tuple[str, ...]:
        """All files of the weights, the index included."""
        return self.files if self.index is None else (*self.files, self.index)


def choose_weights(names: Collection[str], read: Read, folder: str) -> Weights:
    """Choose as transformers does: one safetensors file, else the shards of an index, else the same in pickles.

    Args:
        names: All files of the checkpoint's folder.
        read: Reads the index.
        folder: Name of the folder in messages.

    Raises:
        CorruptFile: If nothing there is loaded as weights, the index cannot be used, or a shard is missing.
        ModelError: What `read` raises.
    """
    if WEIGHTS_FILE in names:
        return Weights((WEIGHTS_FILE,), None, is_pickled=False)
    if INDEX_FILE in names:
        return Weights(_shards(names, read, folder, INDEX_FILE, ".safetensors"), INDEX_FILE, is_pickled=False)
    if PICKLED_WEIGHTS_FILE in names:
        return Weights((PICKLED_WEIGHTS_FILE,), None, is_pickled=True)
    if PICKLED_INDEX_FILE in names:
        return Weights(_shards(names, read, folder, PICKLED_INDEX_FILE, ".bin"), PICKLED_INDEX_FILE, is_pickled=True)
    raise _no_weights(names, folder)


def require_safetensors(weights: Weights, folder: str) -> Weights:
    """Give the weights back unless they are pickles.

    Raises:
        UnsafeFormat: If they are.
    """
    if weights.is_pickled:
        raise UnsafeFormat(f"{folder} has its weights in pickles only ({_some(weights.files)}).")
    return weights


def weights_in(directory: Path, *, allow_pickle: bool = False) -> Weights:
    """Choose the weights of a folder; a link to nothing counts as a file, so that it is noticed.

    Args:
        directory: The checkpoint's.
        allow_pickle: Whether pickles will do where there is nothing else, for who converts them.

    Raises:
        CorruptFile: As `choose_weights`, or if the folder or its index cannot be read.
        UnsafeFormat: If the weights are pickles, and they are not allowed.
    """

    def read(name: str) -> bytes:
        try:
            with (directory / name).open("rb") as file:
                return file.read(MAX_INDEX_BYTES + 1)
        except OSError as error:
            raise CorruptFile(f"{directory / name} cannot be read: {error.strerror}.") from error

    try:
        names = [path.name for path in directory.iterdir() if not path.is_dir()]
    except OSError as error:
        raise CorruptFile(f"The folder {directory} cannot be read: {error.strerror}.") from error
    weights = choose_weights(names, read, str(directory))
    return weights if allow_pickle else require_safetensors(weights, str(directory))


def refuse_foreign(path: Path, folder: str) -> None:
    """Refuse a checkpoint's file that holds something else than its name says, by its first bytes and its header.

    Args:
        path: The file.
        folder: Name of the file's folder in messages.

    Raises:
        CorruptFile: If it is a Git LFS pointer, a web page, or no whole safetensors file though its name says so.
    """
    found = foreign_content(path)
    if found is not None:
        raise CorruptFile(f"{folder}: {path.name} {found.what}.", remedy=found.remedy, figures={"file": path.name})
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="numpy"):
                return
        except (SafetensorError, OSError) as error:
            raise describe_damage(path, f"{folder}: {path.name}") from error


def _shards(names: Collection[str], read: Read, folder: str, index: str, ending: str) -> tuple[str, ...]:
    shards = sorted(set(_weight_map(read(index), f"{folder}: {index}").values()))
    for name in shards:
        # A path in the index could point anywhere; shards lie beside it.
        if PurePosixPath(name).name != name or "\\" in name or not name.endswith(ending):
            raise CorruptFile(
                f"{folder}: {index} names {name!r}, which is no {ending} file beside it.",
                remedy="Save the checkpoint again with save_pretrained.",
            )
    if missing := [name for name in shards if name not in names]:
        raise CorruptFile(
            f"{folder} lacks {len(missing)} of the {len(shards)} files that {index} names: {_some(missing)}.",
            remedy="Put all files of the weights there, beside their index.",
            figures={"missing": missing[:_MAX_NAMED]},
        )
    return tuple(shards)


def _weight_map(content: bytes, what: str) -> Mapping[str, str]:
    remedy = "Save the checkpoint again with save_pretrained, which writes it."
    if len(content) > MAX_INDEX_BYTES:
        raise CorruptFile(f"{what} is larger than an index of weights can be ({MAX_INDEX_BYTES} bytes).", remedy=remedy)
    try:
        weight_map = json.loads(content)["weight_map"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CorruptFile(f"{what} is no JSON object with weight_map.", remedy=remedy) from None
    if not isinstance(weight_map, dict) or not weight_map:
        raise CorruptFile(f"{what}: weight_map is empty, or no object of tensor names and files.", remedy=remedy)
    if not all(isinstance(name, str) for name in weight_map.values()):
        raise CorruptFile(f"{what}: weight_map has a value that is no file's name.", remedy=remedy)
    return weight_map


def _no_weights(names: Collection[str], folder: str) -> CorruptFile:
    others = sorted(name for name in names if name.lower().endswith(_OTHER_WEIGHTS))
    found = f"; there is {_some(others)}, which is not loaded as such" if others else ""
    return CorruptFile(
        f"{folder} has no weights: neither {WEIGHTS_FILE} nor {INDEX_FILE} is there{found}.",
        remedy=f"Give a checkpoint with {WEIGHTS_FILE}, or one with all its shards and {INDEX_FILE}.",
        figures={"found": others[:_MAX_NAMED]},
    )


def _some(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:_MAX_NAMED])
    rest = len(names) - _MAX_NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
