"""The network as a graph of OpenVINO, built from mapped tensors: no torch, no ONNX, no conversion.

From summed embeddings to the head's state; the scorer computes the last product in float64.

Dimensions: N sequences, L tokens of the padded length, A heads, D head size, H hidden size, F feed-forward size.

Source: modeling_xlm_roberta.py, modeling_roberta.py and modeling_bert.py of transformers 5.23 (post-layer-norm).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint.arrays import StoredTensor
from ..checkpoint.int8 import LEVELS, InputRange, Int8Linear, read_int8
from ..families.geometry import Geometry
from ..families.names import LayerNames
from .runtime import Model, Node, openvino, ops

HIDDEN = "hidden"
"""Input float32 (N, L, H): sums of embeddings."""

MASK = "mask"
"""Input float32 (N, 1, 1, L): 0 for tokens, the lowest float32 for padding; added to the attention's scores."""


def build_graph(
    tensors: Mapping[str, StoredTensor], geometry: Geometry, *, taps: bool = False, int8_products: bool = True
) -> Model:
    """Build the graph.

    Args:
        tensors: All tensors of the checkpoint, mapped; the graph keeps views of them.
        geometry: Sizes and family.
        int8_products: Whether layers stored in 8 bits are multiplied in 8 bits. Processors without instructions for it
            saturate, and are faster in float32: there the same rounded numbers are multiplied in float32.
        taps: Also give the input of every linear layer of the encoder as an output of its name, for calibration.

    Returns:
        A model from `HIDDEN` and `MASK` to float32 (N, H): the state that the last product reads.
    """
    return _Builder(tensors, geometry, int8_products=int8_products).build(taps=taps)


class _Builder:
    """Turns tensors into nodes; every value that passes through is float32 (N, L, H) unless said otherwise."""

    def __init__(self, tensors: Mapping[str, StoredTensor], geometry: Geometry, *, int8_products: bool) -> None:
        self._int8_products = int8_products
        self._tensors = tensors
        self._geometry = geometry
        self._taps: dict[str, Node] = {}
        self._quantised: dict[tuple[str, bytes], Node] = {}

    def build(self, *, taps: bool) -> Model:
        geometry, family = self._geometry, self._geometry.family
        hidden = ops.parameter([-1, -1, geometry.hidden_size], np.float32, name=HIDDEN)
        mask = ops.parameter([-1, 1, 1, -1], np.float32, name=MASK)
        state = self._norm(hidden, family.embeddings_norm)
        for index in range(geometry.layers):
            is_last = index == geometry.layers - 1
            state = self._layer(state, mask, family.layer(index), is_last=is_last)
        head = ops.tanh(self._linear(state, family.dense))
        results = [ops.result(ops.reshape(head, _integers(-1, geometry.hidden_size), special_zero=False))]
        for parameter in (hidden, mask):
            parameter.output(0).get_tensor().set_names({parameter.get_friendly_name()})
        if taps:
            for name, node in self._taps.items():
                node.output(0).get_tensor().add_names({name})
                results.append(ops.result(node))
        return Model(results, [hidden, mask], "reranker")

    def _layer(self, hidden: Node, mask: Node, layer: LayerNames, *, is_last: bool) -> Node:
        """Compute one encoder layer; the last one for first tokens only, float32 (N, 1, H), as the head reads."""
        queries = _first(hidden) if is_last else hidden
        query = self._heads(self._linear(queries, layer.query))
        key, value = (self._heads(self._linear(hidden, name)) for name in (layer.key, layer.value))
        context = self._attend(query, key, value, mask)
        context = ops.transpose(context, _integers(0, 2, 1, 3))
        context = ops.reshape(context, _integers(0, 0, self._geometry.hidden_size), special_zero=True)
        attended = ops.add(self._linear(context, layer.output), queries)
        attended = self._norm(attended, layer.attention_norm)
        wide = ops.gelu(self._linear(attended, layer.widen), "ERF")
        fed = ops.add(self._linear(wide, layer.narrow), attended)
        return self._norm(fed, layer.feed_forward_norm)

    def _attend(self, query: Node, key: Node, value: Node, mask: Node) -> Node:
        """Mix values, float32 (N, A, L, D), by plain products: the runtime fuses them better than its own operator."""
        scale = _constant(np.full((1, 1, 1, 1), self._geometry.head_size**-0.5, dtype=np.float32))
        scores = ops.add(ops.multiply(ops.matmul(query, key, False, True), scale), mask)
        return ops.matmul(ops.softmax(scores, -1), value, False, False)

    def _heads(self, rows: Node) -> Node:
        """Bring float32 (N, L, H) into the form (N, A, L, D)."""
        split = _integers(0, 0, self._geometry.heads, self._geometry.head_size)
        return ops.transpose(ops.reshape(rows, split, special_zero=True), _integers(0, 2, 1, 3))

    def _norm(self, rows: Node, name: str) -> Node:
        eps = self._geometry.layer_norm_eps
        centred = ops.mvn(rows, _integers(-1), normalize_variance=True, eps=eps, eps_mode="inside_sqrt")
        return ops.add(ops.multiply(centred, self._vector(f"{name}.weight")), self._vector(f"{name}.bias"))

    def _linear(self, rows: Node, name: str) -> Node:
        self._taps[name] = rows
        quantised = read_int8(self._tensors, name)
        if quantised is not None:
            return self._int8_linear(rows, name, quantised)
        product = ops.matmul(rows, _constant(self._tensors[f"{name}.weight"].floats()), False, True)
        return ops.add(product, self._vector(f"{name}.bias"))

    def _int8_linear(self, rows: Node, name: str, linear: Int8Linear) -> Node:
        """Compute with 8-bit inputs and weights; the runtime recognises this form of graph."""
        weight = _dequantised(linear) if self._int8_products else _constant(linear.floats())
        product = ops.matmul(self._quantise(rows, linear.range), weight, False, True)
        return ops.add(product, _constant(linear.shifted_bias(self._tensors[f"{name}.bias"].floats())))

    def _quantise(self, rows: Node, limits: InputRange) -> Node:
        # Query, key and value read the same input, which is quantised once.
        key = (rows.get_friendly_name(), limits.smoothing.tobytes())
        if key not in self._quantised:
            # The plugin quantises whole tensors only, so that the smoothing is a product before it.
            smoothed = rows
            if (limits.smoothing != 1).any():
                smoothed = ops.multiply(rows, _constant((1 / limits.smoothing).reshape(1, 1, -1)))
            low, high, zero, span = (
                _constant(np.full((1, 1, 1), value, dtype=np.float32))
                for value in (limits.low, limits.high, 0, limits.high - limits.low)
            )
            self._quantised[key] = ops.fake_quantize(smoothed, low, high, zero, span, LEVELS)
        return self._quantised[key]

    def _vector(self, name: str) -> Node:
        return _constant(self._tensors[name].floats().reshape(1, 1, -1))


def _first(hidden: Node) -> Node:
    """Take the first token of every sequence: float32 (N, L, H) -> float32 (N, 1, H)."""
    return ops.slice(hidden, _integers(0), _integers(1), _integers(1), _integers(1))


def _dequantised(linear: Int8Linear) -> Node:
    weight = ops.convert(_constant(linear.weight), np.float32)
    return ops.multiply(weight, _constant(linear.scale.reshape(-1, 1)))


def _constant(values: NDArray[Any]) -> Node:
    """Make a constant that is a view of an array, which it keeps alive."""
    return openvino.op.Constant(np.ascontiguousarray(values), shared_memory=True)


def _integers(*values: int) -> Node:
    return ops.constant(np.array(values, dtype=np.int64))
