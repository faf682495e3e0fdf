"""The network in NumPy, one pair at a time: slow, obvious, and what a fast runtime is compared with before it serves.

Dimensions: L tokens, A heads, D head size, H hidden size.

Source: as `graph`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..checkpoint.arrays import StoredTensor
from ..checkpoint.int8 import read_int8
from ..families.geometry import Geometry
from ..families.names import LayerNames

Rows = NDArray[np.float32]

_ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
_ERF_SLOPE = 0.3275911
"""Coefficients of erf. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26; error 1.5e-7."""


class PlainNetwork:
    """Summed embeddings of pairs to the states that the last product reads."""

    def __init__(self, tensors: Mapping[str, StoredTensor], geometry: Geometry) -> None:
        self._tensors = tensors
        self._geometry = geometry

    def states(self, embedded: Sequence[Rows]) -> Rows:
        """Compute float32 (L, H) of each of N pairs -> float32 (N, H).

        A weight is read once for all of them, which is most of the time of short pairs; the last bits of a pair depend
        on the others then.
        """
        family = self._geometry.family
        starts = np.cumsum([0, *map(len, embedded)])
        hidden = self._norm(np.concatenate(embedded), family.embeddings_norm)
        for index in range(self._geometry.layers):
            hidden = self._layer(hidden, starts[1:-1], family.layer(index))
        state: Rows = np.tanh(self._linear(hidden[starts[:-1]], family.dense))
        return state

    def _layer(self, hidden: Rows, bounds: NDArray[np.int64], layer: LayerNames) -> Rows:
        """Compute one layer over the rows of all pairs, which begin at the bounds."""
        parts = (np.split(self._linear(hidden, name), bounds) for name in (layer.query, layer.key, layer.value))
        context = np.concatenate([self._attend(*pair) for pair in zip(*parts, strict=True)])
        attended = self._norm(self._linear(context, layer.output) + hidden, layer.attention_norm)
        wide = _gelu(self._linear(attended, layer.widen))
        return self._norm(self._linear(wide, layer.narrow) + attended, layer.feed_forward_norm)

    def _attend(self, *rows: Rows) -> Rows:
        """Mix the values of one pair by its queries and keys."""
        query, key, value = (each.reshape(len(each), self._geometry.heads, -1).transpose(1, 0, 2) for each in rows)
        scores = query @ key.transpose(0, 2, 1) * np.float32(self._geometry.head_size**-0.5)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        context: Rows = (weights @ value).transpose(1, 0, 2).reshape(rows[0].shape)
        return context

    def _linear(self, rows: Rows, name: str) -> Rows:
        bias = self._tensors[f"{name}.bias"].floats()
        quantised = read_int8(self._tensors, name)
        if quantised is None:
            product: Rows = rows @ self._tensors[f"{name}.weight"].floats().T + bias
            return product
        limits = quantised.range
        rounded = (limits.round(rows) / limits.smoothing) @ quantised.floats().T + bias
        return np.asarray(rounded, dtype=np.float32)

    def _norm(self, rows: Rows, name: str) -> Rows:
        centred = rows - rows.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(self._geometry.layer_norm_eps))
        weight, bias = (self._tensors[f"{name}.{part}"].floats() for part in ("weight", "bias"))
        normed: Rows = centred / deviation * weight + bias
        return normed


def _gelu(rows: Rows) -> Rows:
    return (rows * 0.5 * (1 + _erf(rows.astype(np.float64) / np.sqrt(2)))).astype(np.float32)


def _erf(values: NDArray[np.float64]) -> NDArray[np.float64]:
    t = 1 / (1 + _ERF_SLOPE * np.abs(values))
    polynomial = np.zeros_like(t)
    for coefficient in reversed(_ERF):
        polynomial = (polynomial + coefficient) * t
    signed: NDArray[np.float64] = np.sign(values) * (1 - polynomial * np.exp(-values * values))
    return signed
