"""Safetensors files of a checkpoint, opened and checked strictly: every tensor once, of the right shape, none over."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from safetensors import SafetensorError, safe_open

from ...errors import CorruptFile, MissingHead, OutOfMemory, WrongArchitecture
from ...safetensors_damage import describe_damage
from ..families.geometry import Geometry
from ..families.names import Source
from .acceptance import HEAD_REMEDY
from .int8 import companions
from .tensor_names import canonical_name, head_names, lacks_prefix, layers_in, wrapper_of

FLOATING_FORMATS = frozenset({"F32", "F16", "BF16"})
"""Number formats, as safetensors names them, that may be cast to the served one; others are quantised or no weights."""

MOST_NAMES_SHOWN = 6
"""Names of tensors in one message; the rest is counted."""

MISMATCH_REMEDY = "Use the config.json that was published with these weights, or save both again with save_pretrained."

LABELS_REMEDY = "Serve a reranker with a single relevance logit; a classifier of several classes is none."


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
        """Number format, as safetensors names it."""
        ...


@dataclass(frozen=True, slots=True)
class TensorFiles:
    """All tensors of a checkpoint by name."""

    holders: Mapping[str, OpenFile]
    """The file that holds each tensor."""

    names: Mapping[str, str]
    """File name for messages, by tensor."""


@dataclass(frozen=True, slots=True)
class _Renamed:
    """An open file whose tensors are asked for by today's names."""

    opened: OpenFile
    stored: Mapping[str, str]
    """Name in the file, by today's."""

    def keys(self) -> list[str]:
        return list(self.stored)

    def get_slice(self, name: str) -> TensorHeader:
        return self.opened.get_slice(self.stored[name])

    def get_tensor(self, name: str) -> Any:
        return self.opened.get_tensor(self.stored[name])


@contextmanager
def open_tensors(
    paths: Sequence[Path], framework: Literal["pt", "np"], geometry: Geometry | None = None
) -> Iterator[TensorFiles]:
    """Map all files of a checkpoint.

    Args:
        paths: The files.
        framework: Whose tensors `get_tensor` gives: torch's, which are views of the file, or NumPy's copies.
        geometry: Of the packed family, by whose names tensors are then known; None leaves the names as they are.

    Raises:
        CorruptFile: If a file is cut short or no safetensors, two files hold the same tensor, or a wrapped model was
            saved.
        OutOfMemory: If a file cannot be mapped for want of addresses.
    """
    holders: dict[str, OpenFile] = {}
    names: dict[str, str] = {}
    with ExitStack() as stack:
        for path in paths:
            opened = stack.enter_context(_open(path, framework))
            for name in opened.keys():  # noqa: SIM118 - not a mapping: safetensors offers keys() and no iteration
                if name in holders:
                    raise CorruptFile(
                        f"{path}: holds {name}, which {names[name]} holds too; expected it once.",
                        remedy="Save the model again with save_pretrained.",
                    )
                holders[name], names[name] = opened, path.name
        yield TensorFiles(holders, names) if geometry is None else _by_todays_names(holders, names, geometry)


def _open(path: Path, framework: Literal["pt", "np"]) -> Any:
    try:
        return safe_open(path, framework=framework, device="cpu")
    except (SafetensorError, OSError) as error:
        if os.strerror(errno.ENOMEM) in str(error):
            raise _no_addresses(path) from error
        raise describe_damage(path, str(path)) from error


def _by_todays_names(holders: Mapping[str, OpenFile], names: Mapping[str, str], geometry: Geometry) -> TensorFiles:
    refuse_wrapped(holders)
    today = todays_names(holders, geometry)
    renamed = {id(opened): _Renamed(opened, today) for opened in holders.values()}
    return TensorFiles(
        {name: renamed[id(holders[stored])] for name, stored in today.items()},
        {name: names[stored] for name, stored in today.items()},
    )


def todays_names(stored: Collection[str], geometry: Geometry) -> dict[str, str]:
    """Map today's name of every tensor to the one in the file.

    Raises:
        CorruptFile: If two tensors have the same name today.
    """
    is_bare = lacks_prefix(stored, geometry)
    found: dict[str, str] = {}
    for name in stored:
        today = canonical_name(name, geometry.family, lacks_prefix=is_bare)
        if today in found:
            raise CorruptFile(
                f"The weights hold both {found[today]} and {name}, two names of one tensor; expected it once.",
                remedy="Save the model again with save_pretrained.",
            )
        found[today] = name
    return found


def refuse_wrapped(stored: Collection[str]) -> None:
    """Refuse the weights of a model that was saved inside a wrapper of the trainer's.

    Raises:
        CorruptFile: If all names share the prefix of one.
    """
    wrapper = wrapper_of(stored)
    if wrapper is not None:
        start, by = wrapper
        raise CorruptFile(
            f"The name of every tensor begins with {start!r}, which {by} puts there: the wrapper was saved in place of "
            "the model.",
            remedy="Save the model inside the wrapper with save_pretrained, or take the prefix off the names.",
        )


def _no_addresses(path: Path) -> OutOfMemory:
    size_bytes = path.stat().st_size
    return OutOfMemory(
        f"{path} cannot be mapped: {size_bytes // 2**20} MiB of addresses are more than this process may have.",
        remedy="Raise its limit of addresses (ulimit -v).",
        figures={"needed_bytes": size_bytes, "device": "cpu"},
    )


def plan_tensors(
    files: TensorFiles, geometry: Geometry, *, shortcut: bool = True, is_quantised: bool = False
) -> tuple[Source, ...]:
    """Compare the headers with what the network needs, and say which tensors make which parameter.

    Args:
        files: The checkpoint, opened with the geometry.
        geometry: Sizes and family.
        shortcut: See `Family.sources`.
        is_quantised: Whether the encoder's linear weights may be stored in 8 bits, with what they need beside them.

    Raises:
        CorruptFile: If a tensor is missing, left over, of the wrong shape or no floating-point weight.
        MissingHead: If the missing tensors are those of the classification head.
        WrongArchitecture: If the head has another number of outputs than one.
    """
    # Before anything is made for each layer: config.json may name any number.
    found = layers_in(files.holders, geometry.family)
    if geometry.layers > found > 0:
        raise CorruptFile(
            f"config.json: num_hidden_layers is {geometry.layers}; the weights hold {found} layers.",
            remedy=MISMATCH_REMEDY,
        )
    if geometry.layers > len(files.holders):
        raise CorruptFile(
            f"config.json: num_hidden_layers is {geometry.layers}; the weights hold {len(files.holders)} tensors.",
            remedy=MISMATCH_REMEDY,
        )
    plan = geometry.family.sources(geometry, shortcut=shortcut)
    _check_tensors(files, geometry, plan, is_quantised=is_quantised)
    return plan


def _check_tensors(files: TensorFiles, geometry: Geometry, plan: Sequence[Source], *, is_quantised: bool) -> None:
    expected = {name: source.shape for source in plan for name in source.tensors}
    quantised = _int8_weights(files, geometry) if is_quantised else frozenset()
    for name in quantised:
        expected |= companions(name, expected[name])
    found = set(files.holders)
    missing = sorted(set(expected) - found)
    if set(missing) & head_names(geometry.family):
        raise MissingHead(
            f"The weights have no classification head: {some_names(missing)} not found among {len(found)} tensors.",
            remedy=HEAD_REMEDY,
        )
    if missing:
        raise CorruptFile(f"The weights lack {some_names(missing)}.", remedy=MISMATCH_REMEDY)
    left_over = sorted(found - set(expected) - geometry.family.unused_tensors())
    if left_over:
        raise CorruptFile(
            f"The weights hold {some_names(left_over)}, which this architecture does not use; expected none such.",
            remedy=MISMATCH_REMEDY,
        )
    _refuse_other_labels(files, geometry)
    for name, shape in expected.items():
        _check_shape(name, shape, files)
        if name not in quantised:
            _check_form(name, files)


def _int8_weights(files: TensorFiles, geometry: Geometry) -> frozenset[str]:
    names = {f"{name}.weight" for name in geometry.family.linear_names(geometry)} & files.holders.keys()
    return frozenset(name for name in names if files.holders[name].get_slice(name).get_dtype() == "I8")


def _refuse_other_labels(files: TensorFiles, geometry: Geometry) -> None:
    name = f"{geometry.family.logit}.weight"
    shape = files.holders[name].get_slice(name).get_shape()
    if len(shape) == 2 and shape[0] != 1:  # noqa: PLR2004 - a matrix
        raise WrongArchitecture(
            f"{files.names[name]}: {name} gives {shape[0]} logits; expected 1.", remedy=LABELS_REMEDY
        )


def _check_shape(name: str, shape: tuple[int, ...], files: TensorFiles) -> None:
    header = files.holders[name].get_slice(name)
    if tuple(header.get_shape()) != shape:
        raise CorruptFile(
            f"{files.names[name]}: {name} has shape {tuple(header.get_shape())}; config.json asks for {shape}.",
            remedy=MISMATCH_REMEDY,
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
