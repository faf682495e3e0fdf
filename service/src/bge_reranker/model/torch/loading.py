"""From a checkpoint to a scorer that torch computes over packed tokens, on a GPU or a CPU."""

from __future__ import annotations

from ...settings import BodyChoice, ModelSettings
from ..checkpoint.folder import Checkpoint
from .attention import fast_attention
from .graphs import CudaGraphRecorder
from .linear import fast_linear
from .network import PLAIN, Bodies
from .placement import Placement
from .preparation import load_within_memory, prepare_device
from .residual_norm import fast_residual_norm
from .rounded_linear import ROUNDING_BODIES
from .scorer import TorchScorer
from .weights import load_network

CPU_BLOCK_SIZES = (512, 256, 128, 64, 32, 16)
"""Rows of blocks of row-wise work on a CPU. The large ones spare calls, the small ones spare empty rows."""


def load_torch_scorer(checkpoint: Checkpoint, settings: ModelSettings, gpus: int) -> TorchScorer:
    """Load a checkpoint of a packed family onto the device that the settings name.

    Args:
        checkpoint: What to load.
        settings: Device, precision and threads.
        gpus: GPUs that torch can use.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If the device is not there, or the process was forked from one that computed with torch.
    """
    geometry = checkpoint.geometry
    if geometry is None:
        raise ValueError(f"{checkpoint.architecture} has no packed network; this is a bug")
    placement = prepare_device(settings, gpus)
    bodies = fast_bodies(placement, settings.bodies)
    can_record = not placement.is_cpu and settings.bodies != "plain"
    recorder = CudaGraphRecorder(placement.device) if can_record else None
    block_sizes = CPU_BLOCK_SIZES if placement.is_cpu else ()

    def load() -> TorchScorer:
        network = load_network(checkpoint.weight_files, geometry, placement.dtype, placement.device, block_sizes)
        return TorchScorer(network, placement, checkpoint.architecture, bodies, settings.bodies, recorder)

    return load_within_memory(checkpoint, placement, load, geometry.family.table_names(geometry))


def fast_bodies(placement: Placement, choice: BodyChoice) -> Bodies:
    """Choose the bodies that warm-up shall try on a device."""
    rounding = ROUNDING_BODIES.get(placement.precision.name)
    linear = fast_linear(placement) if rounding is None else rounding()
    fast = Bodies(linear, fast_attention(placement), fast_residual_norm(placement))
    if choice != "plain":
        return fast
    # What rounds weights is part of the precision, so its plain form is the one over rounded weights.
    return fast.reference() if fast.linear.is_lossy else PLAIN
