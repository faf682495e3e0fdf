"""Warm-up and the first measurement of throughput, before the first caller is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from ..errors import OutOfMemory
from .batch import Batch, Pair, pack
from .scorer import Scorer, ScorerOutOfMemory
from .throughput import Throughput

_FIRST_TOKENS = 16
"""Tokens of the first measured batch: short, so that a slow CPU is recognised before it is asked for much. It is also
the smallest batch that a server may be set to."""

CALIBRATION_PAIR_TOKENS = 128
"""Tokens of a measured pair: about a query and a paragraph."""

_TOKEN_ID = 5
"""The one token of which measured pairs are made: every vocabulary has it, and it is nobody's padding."""

_MAX_CALIBRATION_S = 0.5
"""Seconds within which the measurement is expected to end."""

_FULL_TOKENS, _FULL_AFTER, _GAIN = 256, 2, 1.02
"""A device is full when so many doublings in a row, from batches of two pairs on, computed not even a little faster."""


def warm_up(scorer: Scorer, max_batch_tokens: int) -> int:
    """Warm the scorer up for the largest batch that its device has room for.

    Returns:
        Largest batch in tokens that the scorer was warmed up for.

    Raises:
        OutOfMemory: If not even the smallest batch fits.
    """
    tokens = max_batch_tokens
    while True:
        try:
            scorer.warm_up(tokens)
        except (ScorerOutOfMemory, MemoryError) as error:
            if tokens <= _FIRST_TOKENS:
                raise OutOfMemory(
                    f"The device has no memory left for a batch of {tokens} tokens beside the model.",
                    remedy="Use a device with more memory, a smaller model, or a shorter maxPairTokens.",
                    figures={"batch_tokens": tokens},
                ) from error
            tokens = max(_FIRST_TOKENS, tokens // 2)
        else:
            return tokens


def calibrate(scorer: Scorer, clock: Callable[[], float], max_batch_tokens: int) -> Throughput:
    """Measure tokens per second on batches of doubling size, for half a second.

    Args:
        scorer: Warmed up.
        clock: Seconds.
        max_batch_tokens: Largest batch in tokens.

    Returns:
        An estimate that holds the best rate seen: the first batches are too small to fill the device.

    Raises:
        OutOfMemory: If not even the first batch fits.
    """
    best: tuple[int, float] | None = None
    measured: list[tuple[int, float]] = []
    tokens = min(_FIRST_TOKENS, max_batch_tokens)
    began, in_vain = clock(), 0
    while best is None or (tokens <= max_batch_tokens and in_vain < _FULL_AFTER):
        batch = _synthetic_batch(tokens, min(CALIBRATION_PAIR_TOKENS, scorer.description.max_pair_tokens))
        try:
            seconds = _time_batch(scorer, clock, batch)
        except (ScorerOutOfMemory, MemoryError) as error:
            if best is None:
                raise OutOfMemory(
                    f"The device has no memory left for a batch of {tokens} tokens.", figures={"batch_tokens": tokens}
                ) from error
            break
        measured.append((tokens, seconds))
        gains = best is None or tokens * best[1] > _GAIN * best[0] * seconds
        in_vain = 0 if gains or tokens < _FULL_TOKENS else in_vain + 1
        if best is None or tokens * best[1] > best[0] * seconds:
            best = (tokens, seconds)
        if clock() - began + 2 * seconds > _MAX_CALIBRATION_S:
            break
        tokens *= 2
    throughput = Throughput(_least_batch_s(measured, best))
    throughput.record(*best, possible_tokens=best[0])
    return throughput


def _least_batch_s(measured: Sequence[tuple[int, float]], best: tuple[int, float]) -> float:
    """Seconds that a batch takes besides its tokens: the middle one of what smaller batches show beside the best.

    Args:
        measured: Tokens and seconds of batches.
        best: The one of the best rate.
    """
    found = [
        seconds - tokens * (best[1] - seconds) / (best[0] - tokens) for tokens, seconds in measured if tokens < best[0]
    ]
    return min(max(0.0, median(found)), best[1]) if found else 0.0


def smallest_batch(scorer: Scorer) -> Batch:
    """The first batch that calibration measures: whoever served has scored it."""
    return _synthetic_batch(_FIRST_TOKENS, min(_FIRST_TOKENS, scorer.description.max_pair_tokens))


def _time_batch(scorer: Scorer, clock: Callable[[], float], batch: Batch) -> float:
    began = clock()
    scorer.score(batch)
    return clock() - began


def _synthetic_batch(tokens: int, pair_tokens: int) -> Batch:
    lengths = [pair_tokens] * (tokens // pair_tokens)
    if tokens % pair_tokens:
        lengths.append(tokens % pair_tokens)
    return pack(
        [
            Pair(tokens=np.full(length, _TOKEN_ID, dtype=np.int32), types=np.zeros(length, dtype=np.int8))
            for length in lengths
        ]
    )
