from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from bge_reranker.engine.batch import pack
from bge_reranker.engine.scorer import Scorer, ScorerLost
from bge_reranker.errors import SettingsError
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.model.checks.agreement import disagreement
from bge_reranker.model.load import load_scorer
from bge_reranker.model.torch.attention import EqualLengthAttention
from bge_reranker.model.torch.linear import OneDnnLinear, PlainLinear, UnpackingLinear
from bge_reranker.model.torch.loading import CPU_BLOCK_SIZES
from bge_reranker.model.torch.network import Bodies
from bge_reranker.model.torch.packing import Spans
from bge_reranker.model.torch.placement import Placement
from bge_reranker.model.torch.residual_norm import PlainResidualNorm
from bge_reranker.model.torch.scorer import TorchScorer
from bge_reranker.model.torch.weights import load_network
from bge_reranker.precision import FLOAT32, PRECISIONS
from bge_reranker.settings import BodyChoice, ModelSettings

from ..checkpoints import packed_model, random_pairs, save

LENGTHS = (5, 9, 40, 9, 60, 3, 5, 5, 70, 17, 2, 64)


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(packed_model("xlm-roberta", scale=8.0), tmp_path_factory.mktemp("xlmr"))


@pytest.fixture(scope="module")
def scorer(xlmr: Path) -> Scorer:
    scorer = load_scorer(xlmr, ModelSettings(device="cpu", runtime="torch", threads=1))
    scorer.warm_up(1024)
    return scorer


def injected_scorer(directory: Path, fast: Bodies, choice: BodyChoice = "auto") -> TorchScorer:
    checkpoint = read_checkpoint(directory)
    assert checkpoint.geometry is not None
    cpu = torch.device("cpu")
    network = load_network(checkpoint.weight_files, checkpoint.geometry, torch.float32, cpu, CPU_BLOCK_SIZES)
    return TorchScorer(network, Placement(cpu, FLOAT32), checkpoint.architecture, fast, choice)


class WrongLinear(OneDnnLinear):
    name = "wrong"

    @override
    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        return super().apply(rows, weight, bias, gelu=gelu) * 1.5


class RaisingLinear(PlainLinear):
    name = "raising"

    @override
    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        raise RuntimeError("no such kernel")


class LosingLinear(PlainLinear):
    name = "losing"

    @override
    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")


class UnpackableLinear(OneDnnLinear):
    name = "unpackable"

    @override
    def pack(self, weight: Tensor) -> Tensor:
        if weight.shape[0] == 1:
            raise NotImplementedError("one output")
        return super().pack(weight)


class WrongAttention(EqualLengthAttention):
    name = "wrong"

    @override
    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        return super().__call__(query * 3, key, value, queries, keys)


class NanLinear(OneDnnLinear):
    name = "nan"

    @override
    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        return super().apply(rows, weight, bias, gelu=gelu) * float("nan")


class RaisingAttention(EqualLengthAttention):
    name = "raising"

    @override
    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        raise NotImplementedError("no such kernel")


class NanAttention(EqualLengthAttention):
    name = "nan"

    @override
    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        return super().__call__(query, key, value * float("nan"), queries, keys)


class WrongNorm(PlainResidualNorm):
    name = "wrong"

    @override
    def __call__(self, rows: Tensor, residual: Tensor, norm: nn.Module) -> Tensor:
        return super().__call__(rows, residual * 2, norm)


class RoundingLinear:
    """Keeps weights in 8 bits with a scale for each output, and computes with what that leaves of them."""

    name = "rounding"
    is_lossy = True
    factor = 1.0

    def pack(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        scale = weight.abs().amax(dim=1, keepdim=True) / 127
        return (weight / scale).round().to(torch.int8), scale

    def unpack(self, weight: tuple[Tensor, Tensor]) -> Tensor:
        values, scale = weight
        return values * scale

    def reference(self) -> UnpackingLinear[tuple[Tensor, Tensor]]:
        return UnpackingLinear(self)

    def apply(self, rows: Tensor, weight: tuple[Tensor, Tensor], bias: Tensor, *, gelu: bool) -> Tensor:
        return PlainLinear().apply(rows, self.unpack(weight) * self.factor, bias, gelu=gelu)


class WrongRoundingLinear(RoundingLinear):
    name = "wrong rounding"
    factor = 1.5


@pytest.mark.parametrize(("linear", "replaced"), [(RoundingLinear(), 0), (WrongRoundingLinear(), 1)])
def test_lossy_body_is_compared_with_the_plain_one_over_weights_that_it_rounded(
    xlmr: Path, scorer: Scorer, linear: RoundingLinear, replaced: int
) -> None:
    rounded = injected_scorer(xlmr, Bodies(linear, EqualLengthAttention()))
    rounded.warm_up(1024)
    assert len(rounded.description.notes) == replaced
    batch = pack(random_pairs(LENGTHS))
    difference = np.abs(rounded.score(batch) - scorer.score(batch)).max()
    assert 1e-4 < difference < 0.1


@pytest.mark.parametrize(
    ("fast", "replaced"),
    [
        (Bodies(WrongLinear(), EqualLengthAttention()), ["wrong body of linear"]),
        (Bodies(RaisingLinear(), EqualLengthAttention()), ["raising body of linear"]),
        (Bodies(UnpackableLinear(), EqualLengthAttention()), ["unpackable body of linear"]),
        (Bodies(OneDnnLinear(), WrongAttention()), ["wrong body of attention"]),
        (Bodies(WrongLinear(), WrongAttention()), ["wrong body of linear", "wrong body of attention"]),
        (Bodies(NanLinear(), EqualLengthAttention()), ["nan body of linear"]),
        (Bodies(OneDnnLinear(), NanAttention()), ["nan body of attention"]),
        (Bodies(OneDnnLinear(), RaisingAttention()), ["raising body of attention"]),
        (Bodies(OneDnnLinear(), EqualLengthAttention(), WrongNorm()), ["wrong body of norm"]),
        (Bodies(NanLinear(), EqualLengthAttention(), WrongNorm()), ["nan body of linear", "wrong body of norm"]),
    ],
)
def test_warm_up_replaces_a_fast_body_that_is_wrong_by_the_plain_one(
    xlmr: Path, scorer: Scorer, caplog: pytest.LogCaptureFixture, fast: Bodies, replaced: list[str]
) -> None:
    suspect = injected_scorer(xlmr, fast)
    suspect.warm_up(1024)
    batch = pack(random_pairs(LENGTHS))
    np.testing.assert_allclose(suspect.score(batch), scorer.score(batch), atol=1e-5, rtol=0)
    notes = suspect.description.notes
    assert len(notes) == len(replaced)
    for note, words in zip(notes, replaced, strict=True):
        assert words in str(note)
        assert str(note) in caplog.text
        assert note.kind.is_replacement
    for computation, name in suspect.description.bodies.items():
        is_replaced = any(words.endswith(f" of {computation}") for words in replaced)
        assert name == ("plain" if is_replaced else getattr(fast, computation).name)


@pytest.mark.parametrize(
    "fast",
    [Bodies(NanLinear(), EqualLengthAttention()), Bodies(UnpackableLinear(), EqualLengthAttention())],
    ids=["disagrees", "cannot pack"],
)
def test_warm_up_refuses_to_replace_a_body_where_only_fast_ones_are_wanted(xlmr: Path, fast: Bodies) -> None:
    suspect = injected_scorer(xlmr, fast, choice="fast")
    with pytest.raises(SettingsError, match=f"bodies is fast, but the {fast.linear.name} body of linear") as refused:
        suspect.warm_up(1024)
    assert "auto" in str(refused.value.remedy)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("auto", {"linear": "onednn", "attention": "equal-length", "norm": "plain"}),
        ("fast", {"linear": "onednn", "attention": "equal-length", "norm": "plain"}),
        ("plain", {"linear": "plain", "attention": "plain", "norm": "plain"}),
    ],
)
def test_setting_forces_bodies_and_the_description_names_them(
    xlmr: Path, scorer: Scorer, choice: BodyChoice, names: dict[str, str]
) -> None:
    forced = load_scorer(xlmr, ModelSettings(device="cpu", bodies=choice, runtime="torch", threads=1))
    forced.warm_up(1024)
    assert forced.description.bodies == names
    assert forced.description.notes == ()
    batch = pack(random_pairs(LENGTHS))
    np.testing.assert_allclose(forced.score(batch), scorer.score(batch), atol=1e-5, rtol=0)


class SizeDependentLinear(PlainLinear):
    """Rounds otherwise in large blocks, as some kernels do."""

    name = "size-dependent"

    @override
    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        out = super().apply(rows, weight, bias, gelu=gelu)
        return out * (1 + 2**-20) if len(rows) > 64 else out


class RowDependentLinear(PlainLinear):
    """Rounds otherwise in the first row, which no choice of blocks mends."""

    name = "row-dependent"

    @override
    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        out = super().apply(rows, weight, bias, gelu=gelu)
        out[0] *= 1 + 2**-20
        return out


def test_warm_up_keeps_to_one_block_size_when_sizes_disagree(xlmr: Path) -> None:
    scorer = injected_scorer(xlmr, Bodies(SizeDependentLinear(), EqualLengthAttention()))
    scorer.warm_up(1024)
    assert scorer.description.batch_invariant
    assert "blocks of 64 rows only" in str(scorer.description.notes[0])
    pairs = random_pairs([40] * 20)
    assert scorer.score(pack(pairs))[7].tobytes() == scorer.score(pack([pairs[7]])).tobytes()


def test_description_denies_invariance_when_scores_depend_on_the_batch(xlmr: Path) -> None:
    scorer = injected_scorer(xlmr, Bodies(RowDependentLinear(), EqualLengthAttention()))
    scorer.warm_up(1024)
    assert not scorer.description.batch_invariant


@pytest.mark.parametrize(
    ("found", "expected", "precision", "agrees"),
    [
        ([1.0005], [1.0], "float32", True),
        ([1.002], [1.0], "float32", False),
        ([1.015], [1.0], "float16", True),
        ([1000.05], [1000.0], "float32", True),
        ([np.nan, np.inf], [np.nan, np.inf], "float32", True),
        ([np.nan], [1.0], "float32", False),
        ([1.0], [np.nan], "float32", False),
        ([np.inf], [-np.inf], "float32", False),
        ([1.0], [np.inf], "float32", False),
    ],
)
def test_disagreement_is_a_difference_beyond_the_bound_and_nan_agrees_with_nan_only(
    found: list[float], expected: list[float], precision: str, *, agrees: bool
) -> None:
    objection = disagreement(
        np.array(found, dtype=np.float32), np.array(expected, dtype=np.float32), PRECISIONS[precision]
    )
    assert (objection is None) == agrees


def test_fast_body_that_loses_the_device_is_not_replaced_by_one_that_needs_it_too(xlmr: Path) -> None:
    scorer = injected_scorer(xlmr, Bodies(LosingLinear(), EqualLengthAttention()))
    with pytest.raises(ScorerLost, match="an illegal memory access"):
        scorer.warm_up(1024)
