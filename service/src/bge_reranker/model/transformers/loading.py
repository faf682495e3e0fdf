"""From a checkpoint to the scorer that transformers computes."""

from __future__ import annotations

from ...settings import ModelSettings
from ..checkpoint.folder import Checkpoint
from ..torch.preparation import load_within_memory, prepare_device
from .model import require_known_architecture
from .output import output_adopted
from .scorer import TransformersScorer, scorer_of


def load_transformers_scorer(checkpoint: Checkpoint, settings: ModelSettings, gpus: int) -> TransformersScorer:
    """Load a checkpoint that no packed network computes onto the device that the settings name.

    Args:
        checkpoint: What to load.
        settings: Device, precision and threads.
        gpus: GPUs that torch can use.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If the device is not there, or the process was forked from one that computed with torch.
    """
    placement = prepare_device(settings, gpus)
    require_known_architecture(checkpoint)

    with output_adopted():
        return load_within_memory(checkpoint, placement, lambda: scorer_of(checkpoint, placement))
