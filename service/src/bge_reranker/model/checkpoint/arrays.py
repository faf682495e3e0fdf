"""Tensors of safetensors files as NumPy arrays that are views of the mapped files.

safetensors' own NumPy tensors are copies, and bfloat16 ones it cannot give at all; a view costs no memory of the
process until it is read, and the page cache may take it back.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..families.geometry import Geometry
from .tensor_names import canonical_name, lacks_prefix

_LENGTH = struct.Struct("<Q")
"""Number of bytes of the header, in front of it."""

_STORED: Mapping[str, Any] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2"), "I8": np.int8}
"""NumPy's type of the stored bytes; it has none for bfloat16, whose bits are the upper half of a float32's."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredTensor:
    """One tensor as it lies in its file."""

    stored: NDArray[Any]
    """View of the file."""

    form: str
    """Number format, as safetensors names it."""

    def floats(self) -> NDArray[np.float32]:
        """All values: the view itself where it is float32 already."""
        return _as_float32(self.stored, self.form)

    def rows(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows, float32 whatever the file holds.

        Args:
            index: int64 of any shape.

        Returns:
            float32 (*index.shape, columns).
        """
        return _as_float32(self.stored[index], self.form)


def map_tensors(paths: Sequence[Path], geometry: Geometry) -> dict[str, StoredTensor]:
    """Map every tensor of files that `tensor_files` has opened and checked before, by today's names."""
    found: dict[str, StoredTensor] = {}
    for path in paths:
        with path.open("rb") as file:
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        # Copy on write, though nobody writes: OpenVINO takes views of writable arrays only.
        data = np.asarray(np.memmap(path, np.uint8, "c", offset=_LENGTH.size + length))
        for name, entry in header.items():
            if entry["dtype"] in _STORED:
                begin, end = entry["data_offsets"]
                stored = data[begin:end].view(_STORED[entry["dtype"]]).reshape(entry["shape"])
                found[name] = StoredTensor(stored, entry["dtype"])
    is_bare = lacks_prefix(found, geometry)
    return {canonical_name(name, geometry.family, lacks_prefix=is_bare): tensor for name, tensor in found.items()}


def write_tensors(tensors: Mapping[str, StoredTensor], path: Path) -> None:
    """Write tensors as they are stored; the library's own writer knows no NumPy array of bfloat16.

    Source: the format's description in safetensors 0.6: length, JSON header padded with spaces, bytes.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    # Wide formats first, so that every tensor starts at a multiple of its item.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].stored.itemsize, item[0]))
    for name, tensor in ordered:
        begin, end = end, end + tensor.stored.nbytes
        header[name] = {"dtype": tensor.form, "shape": list(tensor.stored.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _LENGTH.size)
    with path.open("wb") as file:
        file.write(_LENGTH.pack(len(text)) + text)
        for _, tensor in ordered:
            file.write(np.ascontiguousarray(tensor.stored).data)


def _as_float32(stored: NDArray[Any], form: str) -> NDArray[np.float32]:
    if form == "BF16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32, copy=False)
