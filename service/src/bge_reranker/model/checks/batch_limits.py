"""The last check before token ids become addresses."""

from __future__ import annotations

from ...engine.batch import Batch
from ..families.geometry import Geometry


def refuse_outside(batch: Batch, geometry: Geometry) -> None:
    """Refuse a batch that leads beyond a table: on a GPU that would end the process.

    Raises:
        ValueError: If a pair does not fit the model; this is a bug of the caller.
    """
    if batch.max_seqlen > geometry.max_pair_tokens:
        raise ValueError(f"a pair has {batch.max_seqlen} tokens, {geometry.max_pair_tokens} fit; this is a bug")
    if batch.tokens.min() < 0 or batch.tokens.max() >= geometry.vocabulary_size:
        raise ValueError(f"a token id is outside the vocabulary of {geometry.vocabulary_size}; this is a bug")
    if batch.types.min() < 0 or batch.types.max() >= geometry.segment_types:
        raise ValueError(f"a segment is outside the {geometry.segment_types} of the model; this is a bug")
