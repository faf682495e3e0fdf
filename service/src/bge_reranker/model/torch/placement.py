"""Where a model runs and in which number format: the settings' "auto" resolved against the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...errors import SettingsError
from ...precision import FLOAT16, FLOAT32, PRECISIONS, Precision
from ...settings import ModelSettings
from ..machine.processor import processor_name


@dataclass(frozen=True, slots=True)
class Placement:
    """Device and number format of one scorer."""

    device: torch.device
    """Where weights and activations lie."""

    precision: Precision
    """One that torch computes."""

    @property
    def dtype(self) -> torch.dtype:
        """Number format of activations, and of weights until a body packs them."""
        if self.precision.torch_dtype is None:
            raise ValueError(f"torch does not compute {self.precision.name}; this is a bug")
        found: torch.dtype = getattr(torch, self.precision.torch_dtype)
        return found

    @property
    def is_cpu(self) -> bool:
        """Whether the CPU computes."""
        return self.device.type == "cpu"

    @property
    def device_name(self) -> str:
        """Name of the processor or GPU, for `/info`."""
        if self.device.type == "cuda":
            return str(torch.cuda.get_device_name(self.device))
        return processor_name()


def visible_gpus() -> int:
    """Count the GPUs that torch can use."""
    return int(torch.cuda.device_count())


def choose_placement(
    settings: ModelSettings,
    cuda_devices: int,
    capability_of: Callable[[torch.device], tuple[int, int]] = torch.cuda.get_device_capability,
) -> Placement:
    """Resolve device and precision.

    Args:
        settings: What was asked for.
        cuda_devices: GPUs that torch can use.
        capability_of: Compute capability of a GPU.

    Raises:
        SettingsError: If a GPU is asked for that is not there, or the device does not compute the precision.
    """
    name = settings.device
    if name == "auto":
        name = "cuda" if cuda_devices else "cpu"
    device = torch.device("cuda:0" if name == "cuda" else name)
    if device.type == "cuda" and (device.index or 0) >= cuda_devices:
        raise SettingsError(
            f"device is {settings.device}, but torch sees {cuda_devices} GPUs.",
            remedy="Set device to cpu or auto, or give the process a GPU.",
        )
    precision = FLOAT16 if device.type == "cuda" else FLOAT32
    if settings.precision != "auto":
        precision = PRECISIONS[settings.precision]
    _refuse_incapable(device, precision, capability_of)
    return Placement(device, precision)


def _refuse_incapable(
    device: torch.device, precision: Precision, capability_of: Callable[[torch.device], tuple[int, int]]
) -> None:
    needed = precision.cuda_capability
    if needed is None:
        return
    found = None if device.type == "cpu" else capability_of(device)
    if found is None or found < needed:
        has = "is none" if found is None else f"has {found[0]}.{found[1]}"
        raise SettingsError(
            f"precision is {precision.name}, which needs a GPU of compute capability {needed[0]}.{needed[1]} or newer; "
            f"{device} {has}.",
            remedy="Set precision to auto, or give the process such a GPU.",
        )
