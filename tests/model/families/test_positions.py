from __future__ import annotations

import numpy as np
import pytest

from bge_reranker.model.families.bert import Bert
from bge_reranker.model.families.family import Family
from bge_reranker.model.families.roberta import Roberta
from bge_reranker.model.families.xlm_roberta import XlmRoberta

from ..checkpoint.test_folder import CONFIG

PAD = 1


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (Bert(), [0, 1, 2, 0, 1, 2, 3, 0]),
        # The padding's spelling inside a text has the padding's position and is not counted.
        (Roberta(), [2, 3, 4, 2, 1, 3, 4, 2]),
        (XlmRoberta(), [2, 3, 4, 2, 1, 3, 4, 2]),
    ],
    ids=lambda value: value.model_type if isinstance(value, Family) else "",
)
def test_positions_start_anew_with_every_sequence(family: Family, expected: list[int]) -> None:
    tokens = np.array([5, 6, 7, 8, PAD, 9, 5, 6])
    offsets, lengths = np.array([0, 1, 2, 0, 1, 2, 3, 0]), np.array([3, 4, 1])
    found = family.positions(family.read_geometry(CONFIG), tokens, offsets, lengths)
    assert found.tolist() == expected
