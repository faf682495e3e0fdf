from __future__ import annotations

from typing import get_args

from bge_reranker.precision import PRECISIONS, PrecisionName


def test_every_name_of_a_precision_has_a_description_and_no_other() -> None:
    assert list(PRECISIONS) == list(get_args(PrecisionName))
