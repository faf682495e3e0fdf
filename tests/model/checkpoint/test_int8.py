from __future__ import annotations

import numpy as np
import pytest

from bge_reranker.errors import CorruptFile
from bge_reranker.model.checkpoint.arrays import StoredTensor
from bge_reranker.model.checkpoint.int8 import InputRange, Int8Linear, quantise_weight, read_int8


def limits(low: float, high: float, *smoothing: float) -> InputRange:
    return InputRange(low, high, np.array(smoothing, dtype=np.float32))


def test_input_is_rounded_to_a_255th_of_its_range_and_clipped_as_worked_out_by_hand() -> None:
    # From -1 to 1.55 the step is 0.01; the second channel is divided by 2 first, so its step is 0.02.
    found = limits(-1, 1.55, 1, 2).round(np.array([[0.126, 0.126], [-3, 9]], dtype=np.float32))
    np.testing.assert_allclose(found, [[0.13, 0.12], [-1, 3.1]], atol=1e-6)


def test_weight_uses_all_of_its_127_steps_for_each_output() -> None:
    linear = quantise_weight(np.array([[1.27, -0.64], [0.01, 0.0]], dtype=np.float32), limits(0, 1, 1, 1))
    assert linear.weight.tolist() == [[127, -64], [127, 0]]
    np.testing.assert_allclose(linear.scale, [0.01, 0.01 / 127], rtol=1e-6)


def test_bias_takes_over_what_the_unsigned_input_leaves_out() -> None:
    # Inputs are stored as x + 1, so that every product is too large by the sum of the weights: 0.3 and -0.1.
    linear = Int8Linear(
        np.array([[10, 20], [-10, 0]], np.int8), np.array([0.01, 0.01], np.float32), limits(-1, 1, 1, 1)
    )
    found = linear.shifted_bias(np.array([5.0, 6.0], dtype=np.float32))
    np.testing.assert_allclose(found, [[[4.7, 6.1]]], rtol=1e-6)


@pytest.mark.parametrize("smoothing", [(1.0, 1.0, 1.0), (0.5, 4.0, 1.0)])
def test_quantised_product_stays_near_the_exact_one(smoothing: tuple[float, ...]) -> None:
    generator = np.random.default_rng(3)
    rows, weight = generator.uniform(-1, 1, (9, 3)).astype(np.float32), generator.normal(size=(4, 3)).astype(np.float32)
    linear = quantise_weight(weight, limits(-2, 2, *smoothing))
    found = linear.range.round(rows) / linear.range.smoothing @ linear.floats().T
    assert np.abs(found - rows @ weight.T).max() < 0.05


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("input_range", [1, 0]),
        ("input_range", [1, 1]),
        ("input_range", [float("nan"), 1]),
        ("input_range", [0, float("inf")]),
        ("input_smoothing", [1, 0]),
        ("input_smoothing", [1, -1]),
        ("weight_scale", [-1, 1]),
        ("weight_scale", [float("nan"), 1]),
    ],
)
def test_layer_whose_numbers_mean_nothing_is_refused_by_name(part: str, values: list[float]) -> None:
    sound = {"input_range": [-1, 1], "input_smoothing": [1, 1], "weight_scale": [0, 1]}
    tensors = {"a.weight": StoredTensor(np.ones((2, 2), np.int8), "I8")}
    tensors |= {f"a.{name}": StoredTensor(np.array(each, np.float32), "F32") for name, each in sound.items()}
    assert read_int8(tensors, "a") is not None
    with pytest.raises(CorruptFile, match=rf"a\.{part}") as caught:
        read_int8({**tensors, f"a.{part}": StoredTensor(np.array(values, np.float32), "F32")}, "a")
    assert caught.value.remedy
