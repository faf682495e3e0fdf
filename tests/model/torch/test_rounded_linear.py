from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bge_reranker.engine.batch import pack
from bge_reranker.evaluation.price import kendall_tau
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.model.load import load_scorer
from bge_reranker.model.torch.attention import EqualLengthAttention
from bge_reranker.model.torch.compiling import can_compile, compiled
from bge_reranker.model.torch.linear import PlainLinear
from bge_reranker.model.torch.network import Bodies
from bge_reranker.model.torch.placement import Placement
from bge_reranker.model.torch.rounded_linear import Fp8Linear, Fp8Reference, Int8WeightLinear, Rounded, round_to_fp8
from bge_reranker.model.torch.scorer import TorchScorer
from bge_reranker.model.torch.weights import load_network
from bge_reranker.precision import FP8
from bge_reranker.settings import ModelSettings

from ..checkpoints import packed_model, padded_reference, random_pairs, save, spread_logits

CPU = torch.device("cpu")
PAIRS = random_pairs([5, 9, 40, 9, 60, 3, 5, 5, 70, 17, 2, 64] * 8)


def random_rows(rows: int, columns: int, seed: int) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    model = packed_model("xlm-roberta", seed=5)
    spread_logits(model, PAIRS, types=False, units=8)
    directory = save(model, tmp_path_factory.mktemp("xlmr"))
    return directory, padded_reference(model, PAIRS, types=False)


def test_rows_are_rounded_to_the_nearest_number_of_three_bits_of_mantissa() -> None:
    # The largest number of the format is 448, so the scale of the first row is 1; 17 lies between 16 and 18.
    values, scale = round_to_fp8(torch.tensor([[448.0, 17.0, 19.5, -0.3], [0.0, 0.0, 0.0, 0.0]]))
    assert scale[0].item() == 1.0
    assert values[0].float().tolist() == [448.0, 16.0, 20.0, -0.3125]
    assert values[1].float().tolist() == [0.0] * 4


def test_rounding_to_fp8_is_within_half_a_step_of_the_mantissa() -> None:
    rows = random_rows(64, 128, seed=1) * torch.logspace(-6, 6, 64)[:, None]
    values, scale = round_to_fp8(rows)
    # Half of the last of three bits, and below the smallest normal number half of its step.
    bound = torch.maximum(rows.abs() * 2.0**-4, scale * 2.0**-10)
    assert ((values.float() * scale - rows).abs() <= bound * (1 + 1e-6)).all()
    assert torch.isfinite(values.float()).all()


def test_compiled_rounding_is_one_graph_for_any_number_of_rows() -> None:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    rounding = compiled(round_to_fp8, "eager")
    with torch.inference_mode():
        for count in (64, 7, 512):
            rows = random_rows(count, 32, seed=count)
            (values, scale), (expected, expected_scale) = rounding(rows), round_to_fp8(rows)
            assert torch.equal(values.float(), expected.float())
            assert torch.equal(scale, expected_scale)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


@pytest.mark.parametrize(
    ("environment", "programs", "expected"),
    [({}, {"gcc"}, True), ({}, {"clang"}, True), ({"CC": "/opt/cc"}, set(), True), ({}, {"cc"}, False)],
)
def test_nothing_is_compiled_where_triton_finds_no_compiler(
    environment: dict[str, str], programs: set[str], *, expected: bool
) -> None:
    found = can_compile(environment, lambda name: name if name in programs else None)
    assert found == (expected and find_spec("triton") is not None)


def test_a_row_is_rounded_the_same_whatever_rows_are_beside_it() -> None:
    rows = random_rows(8, 32, seed=2)
    together, scale = round_to_fp8(torch.cat([rows, rows * 1e4]))
    alone, alone_scale = round_to_fp8(rows[3:4])
    assert torch.equal(together[3:4].float(), alone.float())
    assert torch.equal(scale[3:4], alone_scale)


def test_reference_of_fp8_multiplies_what_was_rounded_on_both_sides() -> None:
    body = Fp8Linear()
    rows, weight, bias = random_rows(5, 32, seed=3), random_rows(16, 32, seed=4), torch.ones(16)
    packed = body.pack(weight)
    assert isinstance(packed, Rounded)
    (values, scale), (weights, scales) = round_to_fp8(rows), round_to_fp8(weight)
    expected = (values.double() * scale) @ (weights.double() * scales).T + 1
    found = body.reference().apply(rows, packed, bias, gelu=False)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)
    distance = (found - PlainLinear().apply(rows, weight, bias, gelu=False)).abs()
    # Half a step of either factor, 1/16, and of both.
    bound = (rows.abs() @ weight.abs().T) * (2 * 2.0**-4 + 2.0**-8)
    assert distance.max() > 1e-3
    assert (distance <= bound).all()


def test_weight_of_a_shape_that_the_kernel_does_not_take_stays_as_it_is() -> None:
    body, weight = Fp8Linear(), random_rows(17, 32, seed=5)
    assert body.pack(weight) is weight
    rows = random_rows(3, 32, seed=6)
    bias = torch.zeros(17)
    expected = PlainLinear().apply(rows, weight, bias, gelu=True)
    assert torch.equal(body.apply(rows, body.pack(weight), bias, gelu=True), expected)
    assert torch.equal(body.reference().apply(rows, body.pack(weight), bias, gelu=True), expected)


def test_fp8_ranks_as_float32_does_and_its_logits_stay_near(
    checkpoint: tuple[Path, np.ndarray[tuple[int], np.dtype[np.float32]]],
) -> None:
    directory, expected = checkpoint
    read = read_checkpoint(directory)
    assert read.geometry is not None
    network = load_network(read.weight_files, read.geometry, torch.bfloat16, CPU, ())
    bodies = Bodies(Fp8Reference(Fp8Linear()), EqualLengthAttention())
    scorer = TorchScorer(network, Placement(CPU, FP8), read.architecture, bodies)
    scorer.warm_up(1024)
    assert scorer.description.notes == ()
    found = scorer.score(pack(PAIRS))
    # Layers of 32 numbers average little of the rounding away; those of real models have 768 and more.
    assert kendall_tau(expected.astype(np.float64), found.astype(np.float64)) > 0.9
    assert np.abs(found - expected).max() < 0.15 * np.ptp(expected)


def test_weights_in_int8_rank_as_float32_does(
    checkpoint: tuple[Path, np.ndarray[tuple[int], np.dtype[np.float32]]],
) -> None:
    directory, expected = checkpoint
    scorer = load_scorer(directory, ModelSettings(device="cpu", precision="int8_weights", threads=1))
    scorer.warm_up(1024)
    assert scorer.description.notes == ()
    assert scorer.description.bodies["linear"] == "int8_weights"
    found = scorer.score(pack(PAIRS))
    assert kendall_tau(expected.astype(np.float64), found.astype(np.float64)) > 0.98
    assert np.abs(found - expected).max() < 0.02 * np.ptp(expected)


def test_int8_weight_is_within_half_a_step_and_takes_a_byte() -> None:
    weight = random_rows(16, 32, seed=7)
    body = Int8WeightLinear()
    packed = body.pack(weight)
    assert packed.values.dtype is torch.int8
    assert ((body.unpack(packed) - weight).abs() <= packed.scale / 2 * (1 + 1e-5)).all()


@pytest.mark.gpu
@pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < (8, 9), reason="no GPU with fp8"
)
def test_fp8_kernel_agrees_with_its_reference_on_the_gpu() -> None:
    body = Fp8Linear()
    rows = random_rows(100, 1024, seed=8).to("cuda", torch.bfloat16)
    weight, bias = (
        random_rows(3072, 1024, seed=9).to("cuda", torch.bfloat16),
        torch.zeros(3072, device="cuda").bfloat16(),
    )
    packed = body.pack(weight)
    found, expected = (each.apply(rows, packed, bias, gelu=False) for each in (body, body.reference()))
    torch.testing.assert_close(found, expected, atol=0.5, rtol=0.02)
