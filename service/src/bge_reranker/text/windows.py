"""Windows over a document that does not fit: where they lie, and how their logits become one."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..settings import Direction

WindowMode = Literal["windows_max", "windows_mean"]


def window_step_tokens(room_tokens: int, overlap_tokens: int) -> int:
    """Distance between the starts of two windows.

    The overlap is limited to half a window, or a long query would leave windows that hardly advance.
    """
    return room_tokens - min(overlap_tokens, room_tokens // 2)


def windows_capacity_tokens(room_tokens: int, overlap_tokens: int, max_windows: int) -> int:
    """Document tokens that all windows together can cover."""
    return room_tokens + (max_windows - 1) * window_step_tokens(room_tokens, overlap_tokens)


def window_spans(
    length: int, room_tokens: int, overlap_tokens: int, max_windows: int, direction: Direction
) -> list[tuple[int, int]]:
    """Lay windows over a document.

    Args:
        length: Tokens of the document.
        room_tokens: Tokens of a full window, at least 1.
        overlap_tokens: Tokens that neighbours share.
        max_windows: Most windows; what lies beyond is not covered.
        direction: `right` starts at the first token, `left` at the last one.

    Returns:
        Start and end of each window, in reading order; the one farthest from the starting end may be shorter.
    """
    step = window_step_tokens(room_tokens, overlap_tokens)
    spans: list[tuple[int, int]] = []
    for index in range(max_windows):
        start = index * step
        end = min(start + room_tokens, length)
        spans.append((start, end))
        if end == length:
            break
    if direction == "right":
        return spans
    return [(length - end, length - start) for start, end in reversed(spans)]


def combine_windows(logits: NDArray[np.float32], mode: WindowMode) -> float:
    """Make one logit of the logits of a document's windows.

    Args:
        logits: float32 (W,): one logit per window, W at least 1. A logit that is not finite makes the result so too.
        mode: The best window, or the mean over all of them.

    Raises:
        ValueError: If there is no window; this is a bug.
    """
    if not len(logits):
        raise ValueError("a document has at least one window; this is a bug")
    return float(logits.max() if mode == "windows_max" else logits.mean(dtype=np.float64))
