"""Weights from safetensors files into the packed network, strictly: every tensor once, of the right shape, none over.

What belongs here: opening files memory-mapped, checking, casting one tensor at a time, assigning. What must not:
arithmetic, and naming (`tensor_names` knows the names).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..errors import CorruptFile, MissingHead
from .architecture import Geometry
from .checkpoint import HEAD_REMEDY
from .network import PackedClassifier
from .tensor_names import Source, harmless_leftovers, head_names, sources

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

    def get_tensor(self, name: str) -> Tensor:
        """A tensor that is a view of the mapped file."""
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
def open_tensors(paths: Sequence[Path]) -> Iterator[TensorFiles]:
    """Map all files of a checkpoint.

    Raises:
        CorruptFile: If a file is cut short or no safetensors, or two files hold the same tensor.
    """
    holders: dict[str, OpenFile] = {}
    names: dict[str, str] = {}
    with ExitStack() as stack:
        for path in paths:
            try:
                opened: OpenFile = stack.enter_context(safe_open(path, framework="pt", device="cpu"))
            except (SafetensorError, OSError) as error:
                raise CorruptFile(f"{path}: cannot be read as safetensors ({error}).", remedy=FETCH_REMEDY) from error
            for name in opened.keys():  # noqa: SIM118 - not a mapping: safetensors offers keys() and no iteration
                if name in holders:
                    raise CorruptFile(
                        f"{path}: holds {name}, which {names[name]} holds too; expected it once.", remedy=FETCH_REMEDY
                    )
                holders[name], names[name] = opened, path.name
        yield TensorFiles(holders, names)


def load_network(
    paths: Sequence[Path],
    geometry: Geometry,
    precision: torch.dtype,
    device: torch.device,
    block_sizes: tuple[int, ...],
    *,
    shortcut: bool = True,
) -> PackedClassifier:
    """Build the network without values and give every parameter its own from the files.

    At most one fused parameter is held twice at any moment. On a CPU, parameters whose format is already the served
    one stay views of the mapped file.

    Args:
        paths: Safetensors files.
        geometry: Sizes and family.
        precision: Served number format.
        device: Where the parameters go.
        block_sizes: See `PackedClassifier`.
        shortcut: See `PackedClassifier`.

    Raises:
        CorruptFile: If a tensor is missing, left over, of the wrong shape or no floating-point weight.
        MissingHead: If the missing tensors are those of the classification head.
    """
    with torch.device("meta"):
        network = PackedClassifier(geometry, block_sizes, shortcut=shortcut)
    network.set_precision(precision)
    plan = sources(geometry, shortcut=shortcut)
    with open_tensors(paths) as files:
        _check(files, geometry, plan)
        for source in plan:
            _assign(network, source, files, device)
    left = [name for name, parameter in network.named_parameters() if parameter.is_meta]
    if left:
        raise RuntimeError(f"parameters without values: {_some(left)}; this is a bug")
    return network.eval()


def _check(files: TensorFiles, geometry: Geometry, plan: Sequence[Source]) -> None:
    expected = {name: source.shape for source in plan for name in source.tensors}
    found = set(files.holders)
    missing = sorted(set(expected) - found)
    if set(missing) & head_names(geometry):
        raise MissingHead(
            f"The weights have no classification head: {_some(missing)} not found among {len(found)} tensors.",
            remedy=HEAD_REMEDY,
        )
    if missing:
        raise CorruptFile(f"The weights lack {_some(missing)}.", remedy=FETCH_REMEDY)
    left_over = sorted(found - set(expected) - harmless_leftovers(geometry))
    if left_over:
        raise CorruptFile(
            f"The weights hold {_some(left_over)}, which this architecture does not use; expected none such.",
            remedy="Check that config.json belongs to these weights. " + FETCH_REMEDY,
        )
    for name, shape in expected.items():
        _check_header(name, shape, files)


def _check_header(name: str, shape: tuple[int, ...], files: TensorFiles) -> None:
    header = files.holders[name].get_slice(name)
    if tuple(header.get_shape()) != shape:
        raise CorruptFile(
            f"{files.names[name]}: {name} has shape {tuple(header.get_shape())}; config.json asks for {shape}.",
            remedy="Check that config.json belongs to these weights. " + FETCH_REMEDY,
        )
    if header.get_dtype() not in FLOATING_FORMATS:
        raise CorruptFile(
            f"{files.names[name]}: {name} is stored as {header.get_dtype()}; expected one of "
            f"{', '.join(sorted(FLOATING_FORMATS))}.",
            remedy="Serve the checkpoint before quantisation, in float32, float16 or bfloat16.",
        )


def _assign(network: PackedClassifier, source: Source, files: TensorFiles, device: torch.device) -> None:
    owner_name, _, field = source.parameter.rpartition(".")
    owner = network.get_submodule(owner_name)
    placeholder = owner.get_parameter(field)
    parts = [files.holders[name].get_tensor(name).to(device=device, dtype=placeholder.dtype) for name in source.tensors]
    value = parts[0] if len(parts) == 1 else torch.cat(parts)
    if value.shape != placeholder.shape:
        raise RuntimeError(f"{source.parameter}: {value.shape} for {placeholder.shape}; this is a bug")
    setattr(owner, field, nn.Parameter(value, requires_grad=False))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES_SHOWN])
    rest = len(names) - MOST_NAMES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
