"""Making safetensors of pickled weights: loaded weights-only, so that nothing in them is run."""

from __future__ import annotations

import errno
import json
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from ...checkpoint_files import INDEX_FILE, weights_in
from ...errors import CorruptFile, UnsafeFormat

_UNSUPPORTED = re.compile(r"unsupported (?:[^\n.]|\.(?=\S))*", re.IGNORECASE)
"""The end of the sentence in which torch says what it does not load; a dot inside a name ends none."""


def convert_folder(folder: Path) -> None:
    """Write a safetensors file for each pickle of a checkpoint, then remove the pickles.

    Args:
        folder: The checkpoint's. Killed on the way, the next call goes on.

    Raises:
        UnsafeFormat: If a pickle holds anything but tensors.
        CorruptFile: If one cannot be read, or the folder has no weights.
        OSError: If the folder cannot be written, or is full.
    """
    weights = weights_in(folder, allow_pickle=True)
    if not weights.is_pickled:
        return
    for name in weights.files:
        _convert(folder / name, folder / safetensors_name(name))
    if weights.index is not None:
        _convert_index(folder / weights.index, folder / INDEX_FILE)
    for name in weights.names:
        (folder / name).unlink()


def safetensors_name(name: str) -> str:
    """What the safetensors file of a pickle is called."""
    return name.replace("pytorch_model", "model").removesuffix(".bin") + ".safetensors"


def _convert(path: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.new")
    try:
        save_file(_separate(_load(path)), temporary, metadata={"format": "pt"})
    except SafetensorError as error:
        temporary.unlink(missing_ok=True)
        # The library has one error for everything, and the system's words in it.
        if os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary)) from error
        raise CorruptFile(
            f"{path.name} holds tensors that safetensors cannot keep.",
            remedy="Save the model again with save_pretrained, which writes safetensors.",
        ) from error
    temporary.replace(target)


def _load(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        # Mapped, so that a file larger than the memory can be converted; the older form of pickles cannot be.
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except pickle.UnpicklingError as error:
        raise UnsafeFormat(
            f"{path.name} holds more than weights, and was not run{_reason(error)}.",
            remedy="Do not trust this source; give one with safetensors.",
            figures={"file": path.name},
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise CorruptFile(
            f"{path.name} cannot be read as weights ({type(error).__name__}); it is none, or was cut short.",
            figures={"file": path.name},
        ) from error
    if not isinstance(loaded, Mapping) or not all(_is_weight(name, value) for name, value in loaded.items()):
        raise UnsafeFormat(f"{path.name} holds more than a table of tensors.", remedy="Give the weights alone.")
    return loaded


def _reason(error: pickle.UnpicklingError) -> str:
    """What torch found, without its advice to load the pickle all the same."""
    found = _UNSUPPORTED.search(str(error))
    return "" if found is None else f": {found[0][0].lower()}{found[0][1:]}"


def _is_weight(name: object, value: object) -> bool:
    """Whether safetensors can keep it: a tensor of plain numbers that are there."""
    if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
        return False
    return value.layout == torch.strided and not value.is_quantized and not value.is_meta


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _separate(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors that share no memory, which safetensors cannot write."""
    seen: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage().data_ptr()
        is_shared = storage in seen or tensor.untyped_storage().nbytes() != tensor.nbytes
        seen.add(storage)
        separate[name] = tensor.detach().clone().contiguous() if is_shared else tensor.detach().contiguous()
    return separate


def _convert_index(index: Path, target: Path) -> None:
    # That it has a map of names was seen when the weights were chosen.
    content = json.loads(index.read_bytes())
    content["weight_map"] = {name: safetensors_name(file) for name, file in content["weight_map"].items()}
    target.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
