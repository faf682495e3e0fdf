"""Random pairs that a scorer is tried with before it serves."""

from __future__ import annotations

import numpy as np

from ...engine.batch import Pair
from ..families.geometry import Geometry

TRIAL_LENGTHS_TOKENS = (3, 17, 40, 64)
"""Lengths of the pairs in tokens: below and above the tiles of the kernels, few enough for a slow CPU."""

TRIAL_SEED = 20
"""Seed of the tokens; any would do, a fixed one makes warm-up repeatable."""


def trial_pairs(vocabulary_size: int, max_pair_tokens: int, seed: int = TRIAL_SEED, first_token: int = 0) -> list[Pair]:
    """Make one pair of random tokens for every trial length that the model reads.

    Args:
        vocabulary_size: Token ids are below it.
        max_pair_tokens: Longest pair that the model reads.
        seed: Seed of the tokens.
        first_token: Token ids are at or above it where the vocabulary allows.
    """
    generator = np.random.default_rng(seed)
    lengths = sorted({min(length, max_pair_tokens) for length in TRIAL_LENGTHS_TOKENS})
    lowest = min(first_token, vocabulary_size - 1)
    return [
        Pair(generator.integers(lowest, vocabulary_size, length, dtype=np.int32), np.zeros(length, dtype=np.int8))
        for length in lengths
    ]


def geometry_trial_pairs(geometry: Geometry, seed: int = TRIAL_SEED) -> list[Pair]:
    """Make trial pairs for a packed network, without padding tokens where the vocabulary allows."""
    return trial_pairs(geometry.vocabulary_size, geometry.max_pair_tokens, seed, geometry.pad_token_id + 1)
