"""`python -m tests.bench.peers.matrix_rates THREADS`: GFLOP/s of matrix products alone, the best of several, as JSON.

What a network could reach if it were nothing but its linear layers.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bge_reranker.model.openvino.runtime import Model, Node, openvino, ops

ROWS, SHAPES = 640, ((768, 3072), (3072, 768), (768, 768))
"""Rows, and inputs by outputs, of the base shape's layers."""

_HINTS = {"int8": "f32", "float32": "f32", "bfloat16": "bf16"}
"""INFERENCE_PRECISION_HINT of each format."""

_SECONDS = 0.7
_LEVELS = 256


def matrix_rates(threads: int) -> dict[str, float]:
    """Measure every format; bfloat16 is float32's where the processor has no instructions for it."""
    return {form: max(_rate(form, *shape, threads) for shape in SHAPES) for form in _HINTS}


def _rate(form: str, inputs: int, outputs: int, threads: int) -> float:
    options = {"INFERENCE_PRECISION_HINT": _HINTS[form], "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    request = openvino.Core().compile_model(_product(form, inputs, outputs), "CPU", options).create_infer_request()
    rows = np.random.default_rng(0).random((ROWS, inputs), dtype=np.float32)
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        request.infer({0: rows}, share_inputs=True)
        best = min(best, time.perf_counter() - began)
    return 2 * ROWS * inputs * outputs / best / 1e9


def _product(form: str, inputs: int, outputs: int) -> Model:
    rows = ops.parameter([ROWS, inputs], np.float32)
    source = np.random.default_rng(1)
    left: Node = rows
    if form == "int8":
        numbers = source.integers(-127, 128, (outputs, inputs)).astype(np.int8)
        weight = ops.multiply(ops.convert(_constant(numbers), np.float32), _scalar(1e-3))
        left = ops.fake_quantize(rows, _scalar(0), _scalar(1), _scalar(0), _scalar(1), _LEVELS)
    else:
        weight = _constant(source.random((outputs, inputs), dtype=np.float32))
    return Model([ops.result(ops.matmul(left, weight, False, True))], [rows], "product")


def _scalar(value: float) -> Node:
    return _constant(np.full((1, 1), value, dtype=np.float32))


def _constant(values: NDArray[Any]) -> Node:
    return ops.constant(values)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(matrix_rates(int(sys.argv[1]))) + "\n")
