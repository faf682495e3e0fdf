"""Tiers and padding on a CPU: a fake recorder keeps the computation and replays it by calling it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bge_reranker.engine.batch import Batch, pack
from bge_reranker.errors import SettingsError
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.model.torch.attention import EqualLengthAttention, PaddedAttention
from bge_reranker.model.torch.graphs import GraphRecorder, Recording, Tier, tiers_of
from bge_reranker.model.torch.linear import PlainLinear
from bge_reranker.model.torch.network import Bodies
from bge_reranker.model.torch.packing import lay_out, pad_to
from bge_reranker.model.torch.placement import Placement
from bge_reranker.model.torch.scorer import TorchScorer
from bge_reranker.model.torch.weights import load_network
from bge_reranker.precision import FLOAT32
from bge_reranker.settings import BodyChoice

from ..checkpoints import packed_model, random_pairs, save
from .test_packing import XLMR

CPU = torch.device("cpu")
BODIES = Bodies(PlainLinear(), PaddedAttention())


class FakeRecorder:
    """Replays into the memory of the recording, as a device does, and counts."""

    def __init__(self) -> None:
        self.replays: list[int] = []

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        output = compute().clone()

        def replay() -> None:
            self.replays.append(len(output))
            output.copy_(compute())

        return Recording(output, replay)


class StaleRecorder:
    """Leaves what it found when it recorded."""

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        return Recording(compute(), lambda: None)


class NanRecorder:
    """Gives NaN in the place of every logit."""

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        output = compute().clone()
        return Recording(output, lambda: output.fill_(float("nan")))


class RaisingRecorder:
    """Cannot record."""

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        compute()
        raise RuntimeError("operation not permitted when stream is capturing")


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(packed_model("xlm-roberta", scale=8.0), tmp_path_factory.mktemp("xlmr"))


@pytest.fixture(scope="module")
def plain(xlmr: Path) -> TorchScorer:
    scorer = scorer_with(xlmr, None)
    scorer.warm_up(8192)
    return scorer


def scorer_with(
    directory: Path, recorder: GraphRecorder | None, bodies: Bodies = BODIES, choice: BodyChoice = "auto"
) -> TorchScorer:
    checkpoint = read_checkpoint(directory)
    assert checkpoint.geometry is not None
    network = load_network(checkpoint.weight_files, checkpoint.geometry, torch.float32, CPU, ())
    return TorchScorer(network, Placement(CPU, FLOAT32), checkpoint.architecture, bodies, choice, recorder)


def batch_of(*lengths: int) -> Batch:
    return pack(random_pairs(lengths, seed=sum(lengths)))


def test_batch_is_replayed_in_the_smallest_tier_that_holds_it(xlmr: Path, plain: TorchScorer) -> None:
    recorder = FakeRecorder()
    scorer = scorer_with(xlmr, recorder)
    scorer.warm_up(8192)
    assert scorer.description.bodies["launches"] == "graphs"
    places = {tier.tokens: tier.sequences for tier in tiers_of(XLMR)}
    for batch, tier in (
        (batch_of(5), 128),
        (batch_of(60, 60, 8), 128),  # full to the last row
        (batch_of(60, 60, 9), 256),
        (batch_of(*[8] * 12), 256),  # more sequences than the smaller one has places
        (batch_of(*[70] * 50), 4096),
        (batch_of(*[70] * 60), 0),  # beyond the largest
    ):
        recorder.replays.clear()
        np.testing.assert_allclose(scorer.score(batch), plain.score(batch), atol=2e-5, rtol=0)
        assert recorder.replays == ([places[tier]] if tier else [])


def test_replays_do_not_see_what_was_there_before(xlmr: Path) -> None:
    scorer = scorer_with(xlmr, FakeRecorder())
    scorer.warm_up(8192)
    small = batch_of(9, 4)
    first = scorer.score(small)
    scorer.score(batch_of(*[20] * 5))
    assert scorer.score(small).tobytes() == first.tobytes()


@pytest.mark.parametrize("is_reversed", [False, True])
def test_batches_launched_together_keep_their_logits_whatever_replays_overwrite(
    xlmr: Path, *, is_reversed: bool
) -> None:
    scorer = scorer_with(xlmr, FakeRecorder())
    scorer.warm_up(8192)
    batches = [batch_of(9, 4), batch_of(4, 30), batch_of(*[70] * 60)]
    alone = [scorer.score(batch).tobytes() for batch in batches]
    launched = [scorer.launch(batch) for batch in batches]
    order = range(len(batches))[::-1] if is_reversed else range(len(batches))
    found = {index: launched[index].fetch().tobytes() for index in order}
    assert [found[index] for index in range(len(batches))] == alone


@pytest.mark.parametrize(
    ("recorder", "words"),
    [(StaleRecorder(), "differ"), (NanRecorder(), "differ"), (RaisingRecorder(), "raised RuntimeError")],
)
def test_graphs_that_are_wrong_are_replaced_by_launches_one_by_one(
    xlmr: Path, plain: TorchScorer, recorder: GraphRecorder, words: str
) -> None:
    scorer = scorer_with(xlmr, recorder)
    scorer.warm_up(8192)
    (note,) = scorer.description.notes
    assert words in str(note)
    assert "graphs body of launches" in str(note)
    assert scorer.description.bodies["launches"] == "plain"
    batch = batch_of(9, 4, 40)
    assert scorer.score(batch).tobytes() == plain.score(batch).tobytes()


def test_graphs_that_are_wrong_refuse_the_start_where_only_fast_ones_are_wanted(xlmr: Path) -> None:
    scorer = scorer_with(xlmr, RaisingRecorder(), choice="fast")
    with pytest.raises(SettingsError, match="graphs body of launches"):
        scorer.warm_up(8192)


def test_attention_that_reads_lengths_on_the_host_is_never_recorded(xlmr: Path) -> None:
    scorer = scorer_with(xlmr, RaisingRecorder(), Bodies(PlainLinear(), EqualLengthAttention()))
    scorer.warm_up(8192)
    assert scorer.description.bodies["launches"] == "plain"
    assert scorer.description.notes == ()


def test_padding_of_a_tier_is_sequences_of_its_own() -> None:
    layout = lay_out(batch_of(5, 3), XLMR, 0)
    padded = pad_to(layout, 20, 6, 8, XLMR)
    placed = padded.place(torch.from_numpy(padded.numbers))
    assert placed.spans.lengths == (3, 5, 8, 4, 0, 0)
    assert placed.spans.cu_seqlens.tolist() == [0, 3, 8, 16, 20, 20, 20]
    # A sequence without rows must not begin behind the last row.
    assert placed.spans.starts.tolist() == [0, 3, 8, 16, 0, 0]
    assert placed.tokens[8:].tolist() == [XLMR.pad_token_id] * 12
    assert placed.tokens[:8].tolist() == layout.numbers[:8].tolist()
    with pytest.raises(ValueError, match="this is a bug"):
        pad_to(layout, 20, 3, 8, XLMR)


def test_every_tier_holds_a_single_token_and_none_a_pair_longer_than_it_says() -> None:
    for tier in tiers_of(XLMR):
        assert tier.holds(lay_out(batch_of(1), XLMR, 0))
    assert not Tier(128, 9, 64).holds(lay_out(batch_of(65), XLMR, 0))
