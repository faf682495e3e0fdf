from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bge_reranker.engine.batch import pack
from bge_reranker.model.checkpoint.arrays import map_tensors
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.model.openvino.buckets import Block
from bge_reranker.model.openvino.lone_call import LoneCall
from bge_reranker.model.openvino.quantise import choose_int8, observe_inputs, with_int8
from bge_reranker.model.openvino.runtime import Model, openvino, ops
from bge_reranker.model.openvino.scorer import OpenVinoScorer
from bge_reranker.precision import INT8

from ..checkpoints import packed_model, random_pairs, save

LENGTHS = (2, 9, 16, 17, 33, 48, 64, 78)
SHAPE = (2, 3)
ROWS = np.arange(6, dtype=np.float32).reshape(SHAPE)


@pytest.fixture
def lone() -> LoneCall:
    """A lone call of a graph that doubles."""
    rows = ops.parameter([-1, 3], name="rows")
    model = Model([ops.multiply(rows, ops.constant(np.float32(2)))], [rows])
    model.inputs[0].set_names({"rows"})
    return LoneCall(openvino.Core().compile_model(model, "CPU"))


def test_a_lone_call_of_a_shape_that_gave_the_same_bits_suits_and_no_other(lone: LoneCall) -> None:
    block, longer = (Block(np.arange(SHAPE[0]), length) for length in (SHAPE[1], SHAPE[1] + 1))
    assert not lone.suits([block])
    lone.prove({"rows": ROWS}, SHAPE, expected=2 * ROWS)
    assert lone.suits([block])
    assert not lone.suits([longer])
    assert not lone.suits([block, block])


def test_a_shape_whose_bits_differ_is_left_to_the_others(lone: LoneCall) -> None:
    lone.prove({"rows": ROWS}, SHAPE, expected=np.nextafter(2 * ROWS, np.float32(99)))
    assert not lone.suits([Block(np.arange(SHAPE[0]), SHAPE[1])])


@pytest.mark.parametrize("has_room", [True, False])
def test_pairs_keep_their_bits_when_lone_calls_get_all_threads(tmp_path: Path, *, has_room: bool) -> None:
    checkpoint = read_checkpoint(save(packed_model("xlm-roberta", scale=8.0), tmp_path))
    geometry = checkpoint.geometry
    assert geometry is not None
    tensors, pairs = map_tensors(checkpoint.weight_files, geometry), random_pairs(LENGTHS)
    seen = observe_inputs(tensors, geometry, pairs)
    layers = {name: choose_int8(tensors[f"{name}.weight"].floats(), seen[name]) for name in seen}
    asked: list[bool] = []

    def room() -> bool:
        asked.append(has_room)
        return has_room

    scorer = OpenVinoScorer(checkpoint, with_int8(tensors, layers), INT8, 2, room)
    scorer.warm_up(1024)
    before = scorer.score(pack(pairs))
    assert not asked
    while scorer.warm_up_further():
        pass
    alone = np.concatenate([scorer.score(pack([pair])) for pair in pairs])
    assert asked == [has_room]
    assert alone.tobytes() == before.tobytes() == scorer.score(pack(pairs)).tobytes()
    scorer.close()
