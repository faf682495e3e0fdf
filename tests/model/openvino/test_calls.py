from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from bge_reranker.model.openvino.calls import Floats, OpenVinoCalls
from bge_reranker.model.openvino.runtime import Model, openvino, ops


@pytest.fixture(scope="module")
def doubling() -> OpenVinoCalls:
    """Calls of a graph that doubles rows of 3, two at once."""
    rows = ops.parameter([-1, 3], name="rows")
    model = Model([ops.multiply(rows, ops.constant(np.float32(2)))], [rows])
    model.inputs[0].set_names({"rows"})
    return OpenVinoCalls(openvino.Core().compile_model(model, "CPU", {"NUM_STREAMS": 2}), 2)


@pytest.mark.parametrize("calls", [0, 1, 3, 40])
def test_results_come_in_the_order_of_their_inputs(doubling: OpenVinoCalls, calls: int) -> None:
    rows = [np.full((call + 1, 3), call, dtype=np.float32) for call in range(calls)]
    found = list(doubling.results({"rows": each} for each in rows))
    assert [each.tolist() for each in found] == [(2 * each).tolist() for each in rows]


def test_inputs_are_read_no_further_than_a_call_ahead(doubling: OpenVinoCalls) -> None:
    read = []

    def inputs() -> Iterator[Mapping[str, Floats]]:
        for call in range(9):
            read.append(call)
            yield {"rows": np.zeros((1, 3), np.float32)}

    results = doubling.results(inputs())
    for call in range(5):
        next(results)
        assert len(read) == call + 4
    results.close()


def test_a_call_that_fails_leaves_none_under_way(doubling: OpenVinoCalls) -> None:
    good, bad = np.ones((1000, 3), np.float32), np.ones((2, 4), np.float32)
    with pytest.raises(RuntimeError):
        list(doubling.results({"rows": rows} for rows in (good, good, bad, good)))
    assert [each.sum() for each in doubling.results({"rows": good} for _ in range(4))] == [6000] * 4


def test_a_reader_that_leaves_leaves_no_call_under_way(doubling: OpenVinoCalls) -> None:
    results = doubling.results({"rows": np.full((1, 3), call, dtype=np.float32)} for call in range(9))
    next(results)
    results.close()
    assert [each[0, 0] for each in doubling.results({"rows": np.ones((1, 3), np.float32)} for _ in range(4))] == [2] * 4
