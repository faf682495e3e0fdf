"""Linear layers in 8 bits: how they are stored, and what the stored numbers mean.

An input x of channel c becomes round(255 * (x / smoothing[c] - low) / (high - low)), clipped to 0..255: unsigned, so
that every instruction set multiplies it directly, and without a zero point, whose part goes into the bias. A weight is
int8 times a scale for each output. `smoothing` moves the spread of channels from inputs, which share one range, into
weights.

Source: SmoothQuant (arXiv:2211.10438) for the smoothing; the rest is textbook affine quantisation.

Dimensions: O outputs, I inputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CorruptFile
from .arrays import StoredTensor

QUANTISATION_METHOD = "bge-reranker-int8"
"""Value of `quant_method` in the quantization_config of a checkpoint that `bge-reranker quantise` wrote."""

FLOAT_PARTS = "float_parts"
"""Key beside it: `bfloat16` where the gate passed with everything that is not in 8 bits computed in that."""

LEVELS = 256
"""Values of an 8-bit input."""

WEIGHT_LIMIT = 127
"""Largest magnitude of an 8-bit weight; -128 is left out, so that the range is even."""

SCALE, RANGE, SMOOTHING = "weight_scale", "input_range", "input_smoothing"
"""Names of the tensors beside `weight` and `bias`: float32 (O,), (2,) and (I,)."""


def companions(weight: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Name the tensors that an 8-bit weight needs beside it, with their shapes.

    Args:
        weight: Name of the weight.
        shape: (O, I).
    """
    name, (outputs, inputs) = weight.removesuffix("weight"), shape
    return {name + SCALE: (outputs,), name + RANGE: (2,), name + SMOOTHING: (inputs,)}


@dataclass(frozen=True, slots=True, eq=False)
class InputRange:
    """What of a layer's input the 8 bits cover."""

    low: float
    high: float
    smoothing: NDArray[np.float32]
    """float32 (I,): each channel is divided by it first."""

    def round(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Round float32 (R, I) to what 8 bits keep of it, the plain way."""
        step = (self.high - self.low) / (LEVELS - 1)
        levels = np.clip(np.rint((rows / self.smoothing - self.low) / step), 0, LEVELS - 1)
        kept: NDArray[np.float32] = ((levels * step + self.low) * self.smoothing).astype(np.float32)
        return kept


@dataclass(frozen=True, slots=True, eq=False)
class Int8Linear:
    """One quantised layer."""

    weight: NDArray[np.int8]
    """int8 (O, I), smoothing included."""

    scale: NDArray[np.float32]
    """float32 (O,)."""

    range: InputRange
    """What the inputs become."""

    def floats(self) -> NDArray[np.float32]:
        """The weight as it acts on inputs that were divided by the smoothing: float32 (O, I)."""
        # In one pass: a model's weights have hundreds of megabytes as floats.
        return np.multiply(self.weight, self.scale[:, None], dtype=np.float32)

    def shifted_bias(self, bias: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add what the range's low end, which the unsigned input leaves out, contributes: float32 (1, 1, O)."""
        sums = self.weight.sum(axis=1, dtype=np.int64) * self.scale.astype(np.float64)
        shifted: NDArray[np.float32] = (bias + self.range.low * sums).astype(np.float32).reshape(1, 1, -1)
        return shifted


def read_int8(tensors: Mapping[str, StoredTensor], name: str) -> Int8Linear | None:
    """Read the layer of a name, or None where it is stored in floating point.

    Raises:
        CorruptFile: If range, smoothing or scale are no numbers to compute with.
    """
    weight = tensors[f"{name}.weight"]
    if weight.form != "I8":
        return None
    low, high = tensors[f"{name}.{RANGE}"].floats().tolist()
    smoothing, scale = (tensors[f"{name}.{part}"].floats() for part in (SMOOTHING, SCALE))
    if not -math.inf < low < high < math.inf:
        raise _unusable(f"{name}.{RANGE} is {low} to {high}; expected finite numbers, the lower one first.")
    if not ((smoothing > 0) & (smoothing < math.inf)).all():
        raise _unusable(f"{name}.{SMOOTHING} holds numbers that are not positive and finite.")
    # The scale of an output without weights is so small that it may count as zero.
    if not ((scale >= 0) & (scale < math.inf)).all():
        raise _unusable(f"{name}.{SCALE} holds numbers that are negative or not finite.")
    return Int8Linear(weight.stored, scale, InputRange(low, high, smoothing))


def _unusable(message: str) -> CorruptFile:
    return CorruptFile(message, remedy="Quantise the model again.")


def quantise_weight(weight: NDArray[np.float32], limits: InputRange) -> Int8Linear:
    """Round a weight to 8 bits, one scale for each output.

    Args:
        weight: float32 (O, I).
        limits: What the inputs become.
    """
    smoothed = weight * limits.smoothing
    scale = np.maximum(np.abs(smoothed).max(axis=1), np.finfo(np.float32).tiny) / WEIGHT_LIMIT
    rounded = np.rint(smoothed / scale[:, None]).clip(-WEIGHT_LIMIT, WEIGHT_LIMIT)
    return Int8Linear(rounded.astype(np.int8), scale.astype(np.float32), limits)
