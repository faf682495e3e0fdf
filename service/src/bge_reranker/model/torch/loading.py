"""From a checkpoint to a scorer that torch computes, on a GPU or a CPU.

What belongs here: the order of the steps and the choice of fast bodies for a device. What must not: the steps.
"""

from __future__ import annotations

import os

import torch

from ...engine.scorer import Scorer, ScorerOutOfMemory
from ...errors import OutOfMemory, SettingsError
from ...hub_client import refuse_unreadable
from ...settings import ModelSettings
from ..checkpoint.folder import Checkpoint
from ..checkpoint.memory_need import needed_bytes, refuse_too_large
from ..checkpoint.tensor_files import open_tensors
from ..families.geometry import Geometry
from ..machine.memory_grant import free_memory_bytes
from ..machine.threads import granted_threads
from .attention import Attention, EqualLengthAttention, PaddedAttention, VariableLengthAttention
from .linear import LinearBody, OneDnnLinear, PlainLinear
from .memory_shortage import memory_shortage_reported
from .network import Bodies
from .placement import STORED_FORMS, Placement, choose_placement
from .scorer import TorchScorer
from .weights import load_network

CPU_BLOCK_SIZES = (512, 256, 128, 64, 32, 16)
"""Rows of blocks of row-wise work on a CPU. The large ones spare calls, the small ones spare empty rows: with 16 rather
than 64 as the last, a base model computed single pairs of 170 tokens 9 % faster on two AVX2 cores."""

FLASH_CAPABILITY = (8, 0)
"""Least compute capability of a GPU that the variable-length kernel runs on."""


_processes: set[int] = set()
"""Ids of the processes, this one and those it was forked from, in which torch has computed for this package."""


def load_torch_scorer(checkpoint: Checkpoint, settings: ModelSettings, gpus: int) -> Scorer:
    """Load a checkpoint onto the device that the settings name.

    Args:
        checkpoint: What to load.
        settings: Device, precision and threads.
        gpus: GPUs that torch can use.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If the device is not there, or the process was forked from one that computed with torch.
    """
    _refuse_fork()
    placement = choose_placement(settings, gpus)
    if placement.device.type == "cpu":
        torch.set_num_threads(settings.threads or granted_threads())
    if checkpoint.geometry is None:
        refuse_unreadable(os.environ)
        # Importing transformers takes seconds, which the packed network need not wait for.
        from ..transformers.loading import require_known_architecture  # noqa: PLC0415 - see above

        require_known_architecture(checkpoint)
    needed = _refuse_too_large(checkpoint, placement)
    try:
        with memory_shortage_reported():
            return _load(checkpoint, placement)
    except ScorerOutOfMemory as error:
        raise OutOfMemory(
            f"{checkpoint.directory}: {placement.device} has no room for the weights in {placement.precision}.",
            figures={"needed_bytes": needed, "device": str(placement.device)},
        ) from error


def _refuse_fork() -> None:
    """Refuse to hang: the threads that torch computes with, and CUDA, are lost in a fork and not made anew."""
    if _processes and os.getpid() not in _processes:
        raise SettingsError(
            "This process was forked from one that had a model of torch already.",
            remedy="Make the first model after the fork, start processes by spawn, or set runtime to openvino.",
        )
    _processes.add(os.getpid())


def _refuse_too_large(checkpoint: Checkpoint, placement: Placement) -> int:
    """Compare what the weights need with what the device has left, before one is loaded; gives the need in bytes."""
    on_cpu = placement.device.type == "cpu"
    # Tables of the served format stay views of the mapped file, unless transformers copies them.
    is_mapped = on_cpu and checkpoint.geometry is not None
    with open_tensors(checkpoint.weight_files, "pt") as files:
        mapped = frozenset({STORED_FORMS[placement.precision]} if is_mapped else ())
        needed = needed_bytes(files, placement.dtype.itemsize, mapped)
    free = free_memory_bytes() if on_cpu else torch.cuda.mem_get_info(placement.device)[0]
    refuse_too_large(needed, free, str(checkpoint.directory), OutOfMemory.usual_remedy, str(placement.device))
    return needed


def _load(checkpoint: Checkpoint, placement: Placement) -> Scorer:
    if checkpoint.geometry is None:
        from ..transformers.output import output_adopted  # noqa: PLC0415 - as above
        from ..transformers.scorer import load_transformers_scorer  # noqa: PLC0415

        with output_adopted():
            return load_transformers_scorer(checkpoint, placement)
    return _load_packed(checkpoint, checkpoint.geometry, placement)


def _load_packed(checkpoint: Checkpoint, geometry: Geometry, placement: Placement) -> TorchScorer:
    block_sizes = CPU_BLOCK_SIZES if placement.device.type == "cpu" else ()
    network = load_network(checkpoint.weight_files, geometry, placement.dtype, placement.device, block_sizes)
    return TorchScorer(network, placement, checkpoint.architecture, fast_bodies(placement))


def fast_bodies(placement: Placement) -> Bodies:
    """Choose the bodies that warm-up shall try on a device."""
    if placement.device.type == "cpu":
        has_onednn: bool = torch.backends.mkldnn.is_available()
        is_onednn = placement.precision == "float32" and has_onednn
        linear: LinearBody = OneDnnLinear() if is_onednn else PlainLinear()
        return Bodies(linear, EqualLengthAttention())
    return Bodies(PlainLinear(), _gpu_attention(placement))


def _gpu_attention(placement: Placement) -> Attention:
    if placement.precision == "float32" or torch.cuda.get_device_capability(placement.device) < FLASH_CAPABILITY:
        return PaddedAttention()
    try:
        return VariableLengthAttention()
    except ImportError:
        return PaddedAttention()
