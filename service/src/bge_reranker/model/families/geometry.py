"""What a config.json says about the network, as numbers that the packed network is built from.

What belongs here: the sizes of the XLM-RoBERTa, RoBERTa and BERT family and the conditions under which the packed
network computes exactly what the checkpoint means. What must not: torch, the weights, other files (`checkpoint`
reads those).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ...checkpoint_json import USE_PUBLISHED
from ...errors import CorruptFile

Family = Literal["xlm-roberta", "roberta", "bert"]

PACKED_ARCHITECTURES: Mapping[str, Family] = {
    "XLMRobertaForSequenceClassification": "xlm-roberta",
    "RobertaForSequenceClassification": "roberta",
    "BertForSequenceClassification": "bert",
}
"""Class names that the packed network computes, each with the `model_type` it must come with."""

DEFAULT_LAYER_NORM_EPS = 1e-12
"""What the configuration classes of all three families assume where the file is silent."""

DEFAULT_PAD_TOKEN_ID: Mapping[Family, int] = {"xlm-roberta": 1, "roberta": 1, "bert": 0}
"""Padding id that the configuration classes assume where the file is silent, and that `null` must mean: the RoBERTa
families count positions from it."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of one packed network."""

    family: Family
    """Which of the three layouts of names, positions and heads."""

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
    """Added to the variance in every layer norm."""

    pad_token_id: int
    """Padding token; in the RoBERTa families positions are counted from the id after it."""

    @property
    def head_size(self) -> int:
        """Width of one attention head (D)."""
        return self.hidden_size // self.heads

    @property
    def counts_positions_from_padding(self) -> bool:
        """True where the first position is `pad_token_id + 1` instead of 0."""
        return self.family != "bert"

    @property
    def max_pair_tokens(self) -> int:
        """Longest pair whose every token has a position of its own."""
        return self.positions - (self.pad_token_id + 1 if self.counts_positions_from_padding else 0)


def read_geometry(family: Family, config: Mapping[str, object]) -> Geometry:
    """Take the sizes of the packed network from a parsed config.json.

    Raises:
        CorruptFile: If a size is missing, is no positive integer, or contradicts another.
    """
    geometry = Geometry(
        family=family,
        vocabulary_size=_size(config, "vocab_size"),
        hidden_size=_size(config, "hidden_size"),
        layers=_size(config, "num_hidden_layers"),
        heads=_size(config, "num_attention_heads"),
        intermediate_size=_size(config, "intermediate_size"),
        positions=_size(config, "max_position_embeddings"),
        segment_types=_size(config, "type_vocab_size", default=2),
        layer_norm_eps=_layer_norm_eps(config),
        pad_token_id=_pad_token_id(family, config),
    )
    if geometry.hidden_size % geometry.heads:
        raise _corrupt(
            "hidden_size", f"{geometry.hidden_size}, which {geometry.heads} attention heads do not divide", "a multiple"
        )
    if geometry.pad_token_id >= geometry.vocabulary_size:
        raise _corrupt(
            "pad_token_id", f"{geometry.pad_token_id} beside vocab_size {geometry.vocabulary_size}", "a smaller id"
        )
    if geometry.max_pair_tokens < 1:
        raise _corrupt(
            "max_position_embeddings",
            f"{geometry.positions} beside pad_token_id {geometry.pad_token_id}",
            "more positions than the padding takes",
        )
    return geometry


def why_not_packed(config: Mapping[str, object]) -> str | None:
    """Name the first field that makes a family member differ from the packed network, or None.

    Such a checkpoint is served through transformers instead, never silently computed another way.
    """
    activation = config.get("hidden_act", "gelu")
    if activation != "gelu":
        return f"hidden_act is {activation!r}, the packed network computes 'gelu' (erf) only"
    return None


def _size(config: Mapping[str, object], field: str, default: int | None = None) -> int:
    found = config.get(field, default)
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise _corrupt(field, "nothing" if found is None else repr(found), "a positive integer")
    return found


def _layer_norm_eps(config: Mapping[str, object]) -> float:
    found = config.get("layer_norm_eps", DEFAULT_LAYER_NORM_EPS)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 1:
        raise _corrupt("layer_norm_eps", repr(found), "a number from 0 to 1")
    return float(found)


def _pad_token_id(family: Family, config: Mapping[str, object]) -> int:
    found = config.get("pad_token_id")
    if found is None:
        return DEFAULT_PAD_TOKEN_ID[family]
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise _corrupt("pad_token_id", repr(found), "an integer from 0")
    return found


def _corrupt(field: str, found: str, expected: str) -> CorruptFile:
    return CorruptFile(f"config.json: {field} is {found}; expected {expected}.", remedy=USE_PUBLISHED)
