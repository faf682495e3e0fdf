"""Sizes of a packed network, read from a parsed config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...checkpoint_json import USE_PUBLISHED
from ...errors import CorruptFile

if TYPE_CHECKING:
    from .family import Family


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of one packed network."""

    family: Family
    """What its tensors are called, and how its positions, norms and head are made."""

    vocabulary_size: int
    """Rows of the word embedding."""

    hidden_size: int
    """Width of the residual stream (H)."""

    layers: int
    """Encoder layers."""

    heads: int
    """Attention heads (A)."""

    intermediate_size: int
    """Width of the feed-forward part (F)."""

    positions: int
    """Rows of the position embedding."""

    segment_types: int
    """Rows of the segment embedding."""

    layer_norm_eps: float
    """Added to the variance in every norm."""

    pad_token_id: int
    """Padding token."""

    @property
    def head_size(self) -> int:
        """Width of one attention head (D)."""
        return self.hidden_size // self.heads

    @property
    def max_pair_tokens(self) -> int:
        """Longest pair whose every token has a position of its own."""
        return self.family.max_pair_tokens(self)

    def require_consistent(self) -> None:
        """Compare the sizes with one another.

        Raises:
            CorruptFile: If one contradicts another.
        """
        if self.hidden_size % self.heads:
            raise corrupt_field(
                "hidden_size", f"{self.hidden_size}, which {self.heads} attention heads do not divide", "a multiple"
            )
        if self.pad_token_id >= self.vocabulary_size:
            raise corrupt_field(
                "pad_token_id", f"{self.pad_token_id} beside vocab_size {self.vocabulary_size}", "a smaller id"
            )
        if self.max_pair_tokens < 1:
            raise corrupt_field(
                "max_position_embeddings",
                f"{self.positions} beside pad_token_id {self.pad_token_id}",
                "more positions than the padding takes",
            )


def read_size(config: Mapping[str, object], field: str, default: int | None = None) -> int:
    """Read a positive integer.

    Raises:
        CorruptFile: If the field is anything else.
    """
    found = config.get(field, default)
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise corrupt_field(field, "nothing" if found is None else repr(found), "a positive integer")
    return found


def read_token_id(config: Mapping[str, object], field: str, default: int) -> int:
    """Read a token id; `null` means what the file's silence does.

    Raises:
        CorruptFile: If the field is no id.
    """
    found = config.get(field)
    if found is None:
        return default
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise corrupt_field(field, repr(found), "an integer from 0")
    return found


def read_eps(config: Mapping[str, object], field: str, default: float) -> float:
    """Read what is added to a variance.

    Raises:
        CorruptFile: If the field is no number from 0 to 1.
    """
    found = config.get(field, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 1:
        raise corrupt_field(field, repr(found), "a number from 0 to 1")
    return float(found)


def corrupt_field(field: str, found: str, expected: str) -> CorruptFile:
    """Make the error for a field of config.json that cannot be used."""
    return CorruptFile(f"config.json: {field} is {found}; expected {expected}.", remedy=USE_PUBLISHED)
