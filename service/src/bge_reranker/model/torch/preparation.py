"""What precedes any load by torch, whichever scorer follows: the device, the threads, and whether there is room."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

import torch

from ...engine.scorer import ScorerOutOfMemory
from ...errors import OutOfMemory, SettingsError
from ...settings import ModelSettings
from ..checkpoint.folder import Checkpoint
from ..checkpoint.memory_need import needed_bytes, refuse_too_large
from ..checkpoint.tensor_files import open_tensors
from ..machine.memory_grant import free_memory_bytes
from ..machine.threads import granted_threads
from .memory_shortage import memory_shortage_reported
from .placement import Placement, choose_placement

Loaded = TypeVar("Loaded")


class Memory(Protocol):
    """What is asked of `torch.cuda` about a GPU's memory, under its own names."""

    def mem_get_info(self, device: torch.device) -> tuple[int, int]:
        """Bytes free, and bytes in all."""

    def get_per_process_memory_fraction(self, device: torch.device) -> float:
        """The part that this process may take."""

    def memory_reserved(self, device: torch.device) -> int:
        """Bytes that it has taken."""


_processes: set[int] = set()
"""Ids of the processes, this one and those it was forked from, in which torch has computed for this package."""


def prepare_device(settings: ModelSettings, gpus: int) -> Placement:
    """Resolve device and precision, and give torch its threads.

    Args:
        settings: Device, precision and threads.
        gpus: GPUs that torch can use.

    Raises:
        SettingsError: If the device is not there, or the process was forked from one that computed with torch.
    """
    _refuse_fork()
    placement = choose_placement(settings, gpus)
    if placement.is_cpu:
        torch.set_num_threads(settings.threads or granted_threads())
    else:
        torch.cuda.set_per_process_memory_fraction(settings.gpu_memory_fraction, placement.device)
    return placement


def free_gpu_bytes(device: torch.device, memory: Memory = torch.cuda) -> int:
    """What the process may still take of a GPU: what is free there, and no more than its part of the whole.

    Args:
        device: The GPU.
        memory: torch's account of it.
    """
    free, total = memory.mem_get_info(device)
    granted = int(total * memory.get_per_process_memory_fraction(device)) - memory.memory_reserved(device)
    return max(0, min(free, granted))


def load_within_memory(
    checkpoint: Checkpoint, placement: Placement, load: Callable[[], Loaded], mapped_tables: Collection[str] = ()
) -> Loaded:
    """Compare what the weights need with what the device has left, then load.

    Args:
        checkpoint: Whose weights.
        placement: Where they shall lie.
        load: Loads them.
        mapped_tables: Names of the embedding tables that stay views of the mapped file on a CPU where their format is
            the served one.

    Raises:
        OutOfMemory: If they do not fit.
    """
    with open_tensors(checkpoint.weight_files, "pt", checkpoint.geometry) as files:
        tables = mapped_tables if placement.is_cpu else ()
        needed = needed_bytes(files, placement.dtype.itemsize, tables, {placement.precision.stored_form})
    free = free_memory_bytes() if placement.is_cpu else free_gpu_bytes(placement.device)
    refuse_too_large(needed, free, str(checkpoint.directory), OutOfMemory.usual_remedy, str(placement.device))
    try:
        with memory_shortage_reported():
            return load()
    except ScorerOutOfMemory as error:
        raise OutOfMemory(
            f"{checkpoint.directory}: {placement.device} has no room for the weights in {placement.precision.name}.",
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
