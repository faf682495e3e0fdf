"""From a checkpoint folder and settings to a scorer: which runtime serves it. No torch unless torch serves it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ..engine.scorer import Scorer
from ..errors import SettingsError, WrongArchitecture
from ..hub_client import refuse_unreadable
from ..precision import PRECISIONS
from ..settings import ModelSettings
from .checkpoint.folder import Checkpoint, read_checkpoint
from .families.dual import DualInputs
from .machine.processor import instruction_sets

GPU_NODES = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
"""Device nodes of NVIDIA's and AMD's drivers and of WSL's; without any of them torch need not be asked for a GPU."""

Runtime = Literal["openvino", "torch"]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How a checkpoint would be served; no weights were read for it."""

    checkpoint: Checkpoint
    gpus: int
    runtime: Runtime


def plan_load(directory: Path, settings: ModelSettings) -> LoadPlan:
    """Decide how the checkpoint in a folder would be served here.

    Raises:
        ModelError: If it cannot be, which its config.json or its files' names show.
        SettingsError: If the runtime is not there, or settings contradict one another.
    """
    return _plan(read_checkpoint(directory), settings)


def _plan(checkpoint: Checkpoint, settings: ModelSettings) -> LoadPlan:
    if checkpoint.geometry is None:
        _refuse_packed_only(checkpoint, settings)
    gpus = 0 if settings.device == "cpu" else count_gpus()
    return LoadPlan(
        checkpoint, gpus, choose_runtime(checkpoint, settings, gpus, lambda name: find_spec(name) is not None)
    )


def load_dual(checkpoint: Checkpoint, settings: ModelSettings, inputs: DualInputs) -> Scorer:
    """Load a dual encoder onto the device that the settings name.

    Args:
        checkpoint: One that is of a dual encoder.
        settings: Device, runtime, precision and threads.
        inputs: What other files of the checkpoint say about its inputs.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If the device or the runtime is not there.
    """
    plan = _plan(checkpoint, settings)
    refuse_unreadable(os.environ)
    from .transformers.dual import load_dual_scorer  # noqa: PLC0415 - importing it takes seconds

    return load_dual_scorer(checkpoint, settings, plan.gpus, inputs)


def load_scorer(directory: Path, settings: ModelSettings) -> Scorer:
    """Load the checkpoint in a folder onto the device that the settings name.

    Args:
        directory: Folder with config.json and safetensors.
        settings: Device, runtime, precision and threads.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If the device or the runtime is not there.
    """
    plan = plan_load(directory, settings)
    checkpoint = plan.checkpoint
    if plan.runtime == "openvino":
        from .openvino.loading import load_openvino_scorer  # noqa: PLC0415 - only one runtime need be installed

        return load_openvino_scorer(checkpoint, settings)
    if checkpoint.geometry is None:
        refuse_unreadable(os.environ)
        from .transformers.loading import load_transformers_scorer  # noqa: PLC0415 - importing it takes seconds

        return load_transformers_scorer(checkpoint, settings, plan.gpus)
    from .torch.loading import load_torch_scorer  # noqa: PLC0415 - importing torch takes seconds

    return load_torch_scorer(checkpoint, settings, plan.gpus)


def count_gpus() -> int:
    """Count the GPUs that torch can use, asking torch only where a driver is."""
    if not any(node.exists() for node in GPU_NODES) or find_spec("torch") is None:
        return 0
    from .torch.placement import visible_gpus  # noqa: PLC0415 - see above

    return visible_gpus()


def _refuse_packed_only(checkpoint: Checkpoint, settings: ModelSettings) -> None:
    """Refuse what only networks have that are computed here, layer by layer."""
    how = f"but {checkpoint.architecture} is computed through transformers, as a whole"
    wanted = PRECISIONS.get(settings.precision)
    if wanted is not None and (wanted.needs_packed_network or wanted.needs_quantised_checkpoint):
        raise SettingsError(f"precision is {wanted.name}, {how}.", remedy="Set precision to auto or bfloat16.")
    if settings.bodies != "auto":
        raise SettingsError(f"bodies is {settings.bodies}, {how}.", remedy="Leave bodies at auto.")


def choose_runtime(
    checkpoint: Checkpoint, settings: ModelSettings, gpus: int, is_installed: Callable[[str], bool]
) -> Runtime:
    """Choose what serves a checkpoint: a fixed table, so that two replicas never differ.

    Args:
        checkpoint: What is served.
        settings: What was asked for.
        gpus: How many there are.
        is_installed: Whether a package can be imported.

    Raises:
        SettingsError: If what is needed is not installed, or settings contradict one another.
        WrongArchitecture: If a quantised checkpoint is asked to run where it cannot.
    """
    on_gpu = settings.device.startswith("cuda") or (settings.device == "auto" and gpus > 0)
    reason = _needs_torch(checkpoint, settings, on_gpu=on_gpu)
    if checkpoint.quantisation is not None and reason:
        raise WrongArchitecture(
            f"{checkpoint.directory} is quantised to int8, which only the OpenVINO scorer serves; {reason}.",
            remedy="Serve it on a CPU with runtime and precision auto, or serve the checkpoint it was made from.",
        )
    precision = PRECISIONS.get(settings.precision)
    if precision is not None and precision.needs_quantised_checkpoint and checkpoint.quantisation is None:
        raise SettingsError(
            f"precision is {precision.name}, but {checkpoint.directory} is not quantised.",
            remedy="Run `bge-reranker quantise` and serve the folder it writes.",
        )
    if reason and settings.runtime == "openvino":
        raise SettingsError(f"runtime is openvino, but {reason}.", remedy="Leave runtime at auto.")
    runtime: Runtime = "torch" if reason else "openvino"
    if runtime == "openvino" and settings.runtime == "auto" and checkpoint.quantisation is None:
        runtime = "openvino" if is_installed("openvino") else "torch"
    package = runtime
    if not is_installed(package):
        extra = "cpu" if runtime == "openvino" else "torch"
        raise SettingsError(
            f"{package} is not installed{f', but {reason}' if reason else ''}.",
            remedy=f"Install bge-reranker[{extra}].",
        )
    return runtime


def _needs_torch(checkpoint: Checkpoint, settings: ModelSettings, *, on_gpu: bool) -> str:
    """Say why only torch will do; empty where it need not."""
    if on_gpu:
        return "a GPU computes"
    if settings.runtime == "torch":
        return "runtime is torch"
    if settings.bodies != "auto":
        return f"bodies is {settings.bodies}"
    if checkpoint.openvino_objection:
        return checkpoint.openvino_objection
    precision = PRECISIONS.get(settings.precision)
    if precision is None:
        return ""
    if precision.openvino_hint is None:
        return f"precision is {precision.name} on a CPU"
    if precision.openvino_instruction_sets and precision.openvino_instruction_sets.isdisjoint(instruction_sets()):
        return f"precision is {precision.name} on a CPU without instructions for it"
    if checkpoint.quantisation is not None and not precision.needs_quantised_checkpoint:
        return f"precision is {precision.name}"
    return ""
