"""Which rules a request's texts are cut by, resolved once from the settings and then, perhaps, per request."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import InvalidField, SettingsError
from ..errors.printable import counted
from ..setting_rules import MIN_PAIR_TOKENS, MODEL_PAIR_TOKENS, broken
from ..settings import Direction, LongDocuments, Preset, TextSettings, Truncation

__all__ = ["MIN_PAIR_TOKENS", "PRESET_TRUNCATION", "TextPolicy", "resolve_policy"]

PRESET_TRUNCATION: dict[Preset, Truncation] = {
    "crossencoder": "longest_first",
    "tei": "longest_first",
    "flagreranker": "only_second",
}
"""Which side each reference cuts.

Source: sentence-transformers 6.0 `base/modules/transformer.py`, text-embeddings-inference 1.9
`core/src/tokenization.rs`, FlagEmbedding 1.4 `inference/reranker/encoder_only/base.py`.
"""


@dataclass(frozen=True, slots=True)
class TextPolicy:
    """How a query and a document become pairs; every "as the preset does" is settled."""

    truncation: Truncation
    """Which side is cut when a pair is too long."""

    direction: Direction
    """End of the text at which tokens are dropped."""

    max_pair_tokens: int
    """Longest pair in tokens, special tokens included."""

    max_query_tokens: int | None
    """Longest query in tokens, the rest is dropped; None: no limit of its own."""

    long_documents: LongDocuments
    """What happens to a document that does not fit."""

    window_overlap_tokens: int
    """Document tokens that two neighbouring windows share; at most half a window is used."""

    max_windows: int
    """Most windows per document."""

    max_document_tokens: int | None = None
    """Longest document in tokens, the rest is dropped; None: no limit of its own."""

    def under_preset(self, preset: Preset) -> TextPolicy:
        """This policy with what a preset settles: which side is cut, and the query's own limit."""
        return replace(
            self,
            truncation=PRESET_TRUNCATION[preset],
            max_query_tokens=_preset_query_tokens(preset, self.max_pair_tokens),
        )

    def validated(self, server: TextPolicy, names: Mapping[str, str] | None = None) -> TextPolicy:
        """Check a policy that a request changed against the server's own.

        Args:
            server: The policy from which this one was derived; what equals it is not questioned.
            names: The request's name of a policy field, where it differs from the field's own.

        Returns:
            This policy.

        Raises:
            InvalidField: If a changed value is out of bounds; names the request's field and the bounds.
        """
        bounds = {
            "max_pair_tokens": (MIN_PAIR_TOKENS, server.max_pair_tokens),
            "max_query_tokens": (1, self.max_pair_tokens - 1),
            "window_overlap_tokens": (0, self.max_pair_tokens - 1),
            "max_windows": (1, server.max_windows),
            "max_document_tokens": (1, sys.maxsize),
        }
        for field, (low, high) in bounds.items():
            value = getattr(self, field)
            if value is not None and value != getattr(server, field) and not low <= value <= high:
                name = (names or {}).get(field, field)
                raise InvalidField(f"{name} is {value}; it must be between {low} and {high} here.")
        return self


def resolve_policy(
    settings: TextSettings, model_max_pair_tokens: int, model_direction: Direction = "right"
) -> TextPolicy:
    """Settle the server's policy for the model that is loaded.

    Args:
        settings: The text group of the settings.
        model_max_pair_tokens: Longest pair that the model reads, special tokens included.
        model_direction: End at which the preset's reference drops tokens with this model.

    Raises:
        SettingsError: If a limit does not fit the model or contradicts another.
    """
    _check_against_model(settings, model_max_pair_tokens)
    max_pair_tokens = settings.max_pair_tokens or model_max_pair_tokens
    max_query_tokens = settings.max_query_tokens
    if max_query_tokens is None:
        max_query_tokens = _preset_query_tokens(settings.preset, max_pair_tokens)
    return TextPolicy(
        truncation=settings.truncation or PRESET_TRUNCATION[settings.preset],
        direction=settings.truncation_direction or model_direction,
        max_pair_tokens=max_pair_tokens,
        max_query_tokens=max_query_tokens,
        long_documents=settings.long_documents,
        window_overlap_tokens=_overlap_tokens(settings, max_pair_tokens),
        max_windows=settings.max_windows,
    )


def _preset_query_tokens(preset: Preset, max_pair_tokens: int) -> int | None:
    # FlagEmbedding's own rounding: the integer part of three quarters.
    return max_pair_tokens * 3 // 4 if preset == "flagreranker" else None


def _overlap_tokens(settings: TextSettings, max_pair_tokens: int) -> int:
    """An eighth of the pair unless set: 64 tokens of 512, and never too much for a model with a small window."""
    return max_pair_tokens // 8 if settings.window_overlap_tokens is None else settings.window_overlap_tokens


def _check_against_model(settings: TextSettings, model_max_pair_tokens: int) -> None:
    if model_max_pair_tokens < MIN_PAIR_TOKENS:
        raise SettingsError(
            f"The model's longest pair has {counted(model_max_pair_tokens, 'token')}; it must have at least "
            f"{MIN_PAIR_TOKENS}.",
            remedy="Serve another model.",
        )
    limits = {
        "text.maxPairTokens": settings.max_pair_tokens,
        "text.maxQueryTokens": settings.max_query_tokens,
        "text.windowOverlapTokens": settings.window_overlap_tokens,
        MODEL_PAIR_TOKENS: model_max_pair_tokens,
    }
    for message, remedy in broken(limits):
        raise SettingsError(message, remedy=remedy)
