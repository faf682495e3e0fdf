"""From a checkpoint to the scorer of CPUs."""

from __future__ import annotations

from ...engine.scorer import ScorerOutOfMemory
from ...errors import OutOfMemory, SettingsError
from ...precision import FLOAT32, INT8, PRECISIONS
from ...settings import ModelSettings
from ..checkpoint.arrays import map_tensors
from ..checkpoint.folder import Checkpoint
from ..checkpoint.memory_need import CPU_REMEDY, needed_bytes, refuse_too_large
from ..checkpoint.tensor_files import FLOATING_FORMATS, open_tensors, plan_tensors
from ..machine.memory_grant import free_memory_bytes
from ..machine.processor import instruction_sets
from ..machine.threads import granted_threads
from .scorer import OpenVinoScorer

_FLOAT32_BYTES = 4
"""Bytes of a weight in the kernels; bfloat16 graphs are made of float32 constants, too."""

_COPY_MARGIN = 2
"""Times a copy of the weights that must be free for one: bodies of requests and larger calls need some, too."""


def load_openvino_scorer(checkpoint: Checkpoint, settings: ModelSettings) -> OpenVinoScorer:
    """Load a checkpoint of the packed family onto the CPU.

    Args:
        checkpoint: What to load.
        settings: Precision and threads.

    Raises:
        ModelError: If the weights are not what config.json says, or do not fit into memory.
        SettingsError: If the processor is too old.
    """
    if checkpoint.geometry is None:
        raise ValueError(f"{checkpoint.architecture} has no packed network; this is a bug")
    _refuse_old_processor(instruction_sets())
    geometry = checkpoint.geometry
    with open_tensors(checkpoint.weight_files, "np", geometry) as files:
        plan_tensors(files, geometry, is_quantised=checkpoint.quantisation is not None)
        # Rows of embedding tables are converted as they are looked up.
        needed = needed_bytes(files, _FLOAT32_BYTES, geometry.family.table_names(geometry), FLOATING_FORMATS)
    refuse_too_large(needed, free_memory_bytes(), str(checkpoint.directory), CPU_REMEDY)
    tensors = map_tensors(checkpoint.weight_files, geometry)
    precision = INT8 if checkpoint.quantisation is not None else FLOAT32
    if settings.precision != "auto":
        precision = PRECISIONS[settings.precision]
    try:
        threads = settings.threads or granted_threads()
        return OpenVinoScorer(checkpoint, tensors, precision, threads, lambda: _has_room(needed))
    except ScorerOutOfMemory as error:
        raise OutOfMemory(
            f"{checkpoint.directory}: there is no memory for the weights in {precision.name}.",
            remedy=CPU_REMEDY,
            figures={"needed_bytes": needed, "device": "cpu"},
        ) from error


def _has_room(needed: int) -> bool:
    """Whether there is memory for a second copy of the weights, and as much again for everything else."""
    free = free_memory_bytes()
    return free is None or free >= _COPY_MARGIN * needed


def _refuse_old_processor(known: tuple[str, ...]) -> None:
    # Kernels of other architectures are chosen by OpenVINO itself; the list is empty there.
    if known and "sse4_2" not in known:
        raise SettingsError(
            "The processor has no SSE 4.2, which OpenVINO needs.",
            remedy="Serve with runtime torch (bge-reranker[torch]), or on a newer processor.",
        )
