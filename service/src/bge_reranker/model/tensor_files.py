"""Safetensors files of a checkpoint, opened and checked strictly: every tensor once, of the right shape, none over.

What belongs here: headers. What must not: torch, values, and naming (`tensor_names` knows the names).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from safetensors import SafetensorError, safe_open

from ..errors import CorruptFile, MissingHead, OutOfMemory
from .architecture import Geometry
from .checkpoint import HEAD_REMEDY
from .int8 import companions
from .tensor_names import Source, harmless_leftovers, head_names, linear_weights

FLOATING_FORMATS = frozenset({"F32", "F16", "BF16"})
"""Number formats, in safetensors' words, that may be cast to the served one; others are quantised or no weights."""

MOST_NAMES_SHOWN = 6
"""Names of tensors in one message; the rest is counted."""

FETCH_REMEDY = "Fetch the checkpoint's files again, or save it again with save_pretrained."


class OpenFile(Protocol):
    """What is used of an open safetensors file."""

    def keys(self) -> list[str]:
        """Names of the tensors."""
        ...

    def get_slice(self, name: str) -> TensorHeader:
        """Shape and format of a tensor, without its values."""
        ...

    def get_tensor(self, name: str) -> Any:
        """A tensor of the framework that the file was opened for."""
        ...


class TensorHeader(Protocol):
    """What a file's header says of one tensor."""

    def get_shape(self) -> list[int]:
        """Sizes of its dimensions."""
        ...

    def get_dtype(self) -> str:
        """Number format in safetensors' words."""
        ...


@dataclass(frozen=True, slots=True)
class TensorFiles:
    """All tensors of a checkpoint by name."""

    holders: Mapping[str, OpenFile]
    """The file that holds each tensor."""

    names: Mapping[str, str]
    """File name for messages, by tensor."""


@contextmanager
def open_tensors(paths: Sequence[Path], framework: Literal["pt", "np"]) -> Iterator[TensorFiles]:
    """Map all files of a checkpoint.

    Args:
        paths: The files.
        framework: Whose tensors `get_tensor` gives: torch's, which are views of the file, or NumPy's copies.

    Raises:
        CorruptFile: If a file is cut short or no safetensors, or two files hold the same tensor.
        OutOfMemory: If a file cannot be mapped for want of addresses.
    """
    holders: dict[str, OpenFile] = {}
    names: dict[str, str] = {}
    with ExitStack() as stack:
        for path in paths:
            try:
                opened: OpenFile = stack.enter_context(safe_open(path, framework=framework, device="cpu"))
            except (SafetensorError, OSError) as error:
                if os.strerror(errno.ENOMEM) in str(error):
                    raise _no_addresses(path) from error
                raise CorruptFile(f"{path}: cannot be read as safetensors ({error}).", remedy=FETCH_REMEDY) from error
            for name in opened.keys():  # noqa: SIM118 - not a mapping: safetensors offers keys() and no iteration
                if name in holders:
                    raise CorruptFile(
                        f"{path}: holds {name}, which {names[name]} holds too; expected it once.", remedy=FETCH_REMEDY
                    )
                holders[name], names[name] = opened, path.name
        yield TensorFiles(holders, names)


def _no_addresses(path: Path) -> OutOfMemory:
    size_bytes = path.stat().st_size
    return OutOfMemory(
        f"{path} cannot be mapped: {size_bytes // 2**20} MiB of addresses are more than this process may have.",
        remedy="Raise its limit of addresses (ulimit -v).",
        figures={"needed_bytes": size_bytes, "device": "cpu"},
    )


def check_tensors(
    files: TensorFiles, geometry: Geometry, plan: Sequence[Source], *, is_quantised: bool = False
) -> None:
    """Compare the headers with what the network needs.

    Args:
        files: The checkpoint.
        geometry: Sizes and family.
        plan: Parameters and the tensors that make them.
        is_quantised: Whether the encoder's linear weights may be stored in 8 bits, with what they need beside them.

    Raises:
        CorruptFile: If a tensor is missing, left over, of the wrong shape or no floating-point weight.
        MissingHead: If the missing tensors are those of the classification head.
    """
    expected = {name: source.shape for source in plan for name in source.tensors}
    may_be_int8 = linear_weights(geometry) if is_quantised else frozenset()
    quantised = {name for name in may_be_int8 if name in files.holders and _is_int8(name, files)}
    for name in quantised:
        expected |= companions(name, expected[name])
    found = set(files.holders)
    missing = sorted(set(expected) - found)
    if set(missing) & head_names(geometry):
        raise MissingHead(
            f"The weights have no classification head: {some_names(missing)} not found among {len(found)} tensors.",
            remedy=HEAD_REMEDY,
        )
    if missing:
        raise CorruptFile(f"The weights lack {some_names(missing)}.", remedy=FETCH_REMEDY)
    left_over = sorted(found - set(expected) - harmless_leftovers(geometry))
    if left_over:
        raise CorruptFile(
            f"The weights hold {some_names(left_over)}, which this architecture does not use; expected none such.",
            remedy="Check that config.json belongs to these weights. " + FETCH_REMEDY,
        )
    for name, shape in expected.items():
        _check_shape(name, shape, files)
        if name not in quantised:
            _check_form(name, files)


def _is_int8(name: str, files: TensorFiles) -> bool:
    return files.holders[name].get_slice(name).get_dtype() == "I8"


def _check_shape(name: str, shape: tuple[int, ...], files: TensorFiles) -> None:
    header = files.holders[name].get_slice(name)
    if tuple(header.get_shape()) != shape:
        raise CorruptFile(
            f"{files.names[name]}: {name} has shape {tuple(header.get_shape())}; config.json asks for {shape}.",
            remedy="Check that config.json belongs to these weights. " + FETCH_REMEDY,
        )


def _check_form(name: str, files: TensorFiles) -> None:
    header = files.holders[name].get_slice(name)
    if header.get_dtype() not in FLOATING_FORMATS:
        raise CorruptFile(
            f"{files.names[name]}: {name} is stored as {header.get_dtype()}; expected one of "
            f"{', '.join(sorted(FLOATING_FORMATS))}.",
            remedy="Serve the checkpoint before quantisation, in float32, float16 or bfloat16.",
        )


def some_names(names: Sequence[str]) -> str:
    """List the first names and count the rest."""
    shown = ", ".join(names[:MOST_NAMES_SHOWN])
    rest = len(names) - MOST_NAMES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
