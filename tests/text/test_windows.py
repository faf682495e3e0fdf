"""Windows over token positions, and one logit of many."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bge_reranker.settings import Direction
from bge_reranker.text.windows import combine_windows, window_spans, windows_capacity_tokens


def test_windows_advance_by_room_less_overlap_when_read_from_the_right_way() -> None:
    assert window_spans(10, 4, 1, 10, "right") == [(0, 4), (3, 7), (6, 10)]


def test_windows_start_at_the_end_when_the_direction_is_left() -> None:
    assert window_spans(9, 4, 1, 10, "left") == [(0, 3), (2, 6), (5, 9)]


def test_windows_stop_at_their_number_when_the_document_goes_on() -> None:
    assert window_spans(100, 4, 1, 2, "right") == [(0, 4), (3, 7)]
    assert window_spans(100, 4, 1, 2, "left") == [(93, 97), (96, 100)]


def test_the_overlap_is_half_a_window_at_most_when_the_query_leaves_little_room() -> None:
    assert window_spans(6, 2, 64, 10, "right") == [(0, 2), (1, 3), (2, 4), (3, 5), (4, 6)]
    assert window_spans(3, 1, 64, 10, "right") == [(0, 1), (1, 2), (2, 3)]


@given(
    length=st.integers(1, 500),
    room=st.integers(1, 60),
    overlap=st.integers(0, 80),
    most=st.integers(1, 12),
    direction=st.sampled_from(get_args(Direction)),
)
def test_windows_cover_the_document_up_to_their_capacity(
    length: int, room: int, overlap: int, most: int, direction: Direction
) -> None:
    spans = window_spans(length, room, overlap, most, direction)
    covered = set().union(*(range(start, end) for start, end in spans))
    size = min(length, windows_capacity_tokens(room, overlap, most))
    assert covered == set(range(length - size, length) if direction == "left" else range(size))
    assert len(spans) <= most
    assert all(0 < end - start <= room for start, end in spans)
    assert spans == sorted(spans)


def test_logits_of_windows_are_combined_by_hand_computed_values() -> None:
    logits = np.array([-1.0, 3.0, 1.0], dtype=np.float32)
    assert combine_windows(logits, "windows_max") == 3.0
    assert combine_windows(logits, "windows_mean") == 1.0


@pytest.mark.parametrize("mode", ["windows_max", "windows_mean"])
def test_a_logit_that_is_not_a_number_is_not_hidden_by_the_others(mode: str) -> None:
    logits = np.array([1.0, np.nan], dtype=np.float32)
    assert np.isnan(combine_windows(logits, "windows_max" if mode == "windows_max" else "windows_mean"))


def test_no_window_at_all_is_reported_as_a_bug() -> None:
    with pytest.raises(ValueError, match="this is a bug"):
        combine_windows(np.zeros(0, dtype=np.float32), "windows_max")
