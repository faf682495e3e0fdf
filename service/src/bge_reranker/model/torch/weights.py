"""Weights from safetensors files into the packed network of torch, each parameter its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from ..checkpoint.tensor_files import TensorFiles, open_tensors, plan_tensors, some_names
from ..families.geometry import Geometry
from ..families.names import Source
from .network import PackedClassifier


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
        WrongArchitecture: If the head has another number of outputs than one.
    """
    with open_tensors(paths, "pt", geometry) as files:
        plan = plan_tensors(files, geometry, shortcut=shortcut)
        with torch.device("meta"):
            network = PackedClassifier(geometry, block_sizes, shortcut=shortcut)
        network.set_precision(precision)
        for source in plan:
            _assign(network, source, files, device)
    left = [name for name, parameter in network.named_parameters() if parameter.is_meta]
    if left:
        raise RuntimeError(f"parameters without values: {some_names(left)}; this is a bug")
    return network.eval()


def _assign(network: PackedClassifier, source: Source, files: TensorFiles, device: torch.device) -> None:
    owner_name, _, field = source.parameter.rpartition(".")
    owner = network.get_submodule(owner_name)
    placeholder = owner.get_parameter(field)
    parts = [files.holders[name].get_tensor(name).to(device=device, dtype=placeholder.dtype) for name in source.tensors]
    value = parts[0] if len(parts) == 1 else torch.cat(parts)
    if value.shape != placeholder.shape:
        raise RuntimeError(f"{source.parameter}: {value.shape} for {placeholder.shape}; this is a bug")
    setattr(owner, field, nn.Parameter(value, requires_grad=False))
