"""The special tokens around a pair, learned from the tokenizer's own post-processor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from ..engine.batch import Pair
from ..errors import CorruptFile

MAX_SPECIAL_TOKENS = 6
"""Most tokens around the two texts of a pair: published templates have three or four, and the shortest pair that may be
set, of eight, leaves room for both texts."""

MAX_SEGMENTS = 128
"""Most segments that a batch can tell apart."""

PROBES = ("a", "A", "1", "中", ".")
"""Texts of which at least one gives a token in any vocabulary that serves this purpose."""


@dataclass(frozen=True, slots=True, eq=False)
class PairTemplate:
    """What surrounds the two texts of a pair, for example `<s> query </s></s> document </s>`."""

    prefix: NDArray[np.int32]
    """int32 (P,): ids before the query."""

    middle: NDArray[np.int32]
    """int32 (M,): ids between query and document."""

    suffix: NDArray[np.int32]
    """int32 (S,): ids after the document."""

    prefix_types: NDArray[np.int8]
    """int8 (P,): segments of the prefix."""

    middle_types: NDArray[np.int8]
    """int8 (M,): segments of the middle."""

    suffix_types: NDArray[np.int8]
    """int8 (S,): segments of the suffix."""

    query_type: int
    """Segment of the query's tokens."""

    document_type: int
    """Segment of the document's tokens."""

    @property
    def special_tokens(self) -> int:
        """Tokens that every pair has besides its texts."""
        return len(self.prefix) + len(self.middle) + len(self.suffix)

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids of the special tokens of a pair."""
        return frozenset(np.concatenate([self.prefix, self.middle, self.suffix]).tolist())

    def head(self, query: NDArray[np.int32]) -> Pair:
        """Everything before the document, which all pairs of a request can share.

        Args:
            query: int32 (Q,): ids of the query.
        """
        query_types = np.full(len(query), self.query_type, dtype=np.int8)
        return Pair(
            tokens=np.concatenate([self.prefix, query, self.middle]),
            types=np.concatenate([self.prefix_types, query_types, self.middle_types]),
        )

    def pair(self, head: Pair, document: NDArray[np.int32]) -> Pair:
        """Complete a pair.

        Args:
            head: What `head` returned.
            document: int32 (D,): ids of the document.
        """
        document_types = np.full(len(document), self.document_type, dtype=np.int8)
        return Pair(
            tokens=np.concatenate([head.tokens, document, self.suffix]),
            types=np.concatenate([head.types, document_types, self.suffix_types]),
        )


def probe_template(tokenizer: Tokenizer, *, segments: int | None) -> PairTemplate:
    """Read the template off a probe pair.

    Args:
        tokenizer: With truncation and padding off.
        segments: How many segment types the model knows; 1 makes all of them 0, None trusts the post-processor.

    Raises:
        CorruptFile: If the tokenizer gives nothing for the probes, or does not lay out a pair as query, then document.
    """
    probe = next((text for text in PROBES if tokenizer.encode(text, add_special_tokens=False).ids), None)
    if probe is None:
        raise CorruptFile(
            "tokenizer.json gives no token for any of the probe texts.", remedy="Save the tokenizer again."
        )
    encoding = tokenizer.encode(probe, probe)
    _refuse_other_names(tokenizer, encoding)
    owners = encoding.sequence_ids
    ids = np.asarray(encoding.ids, dtype=np.int32)
    types = np.zeros(len(ids), dtype=np.int8)
    if segments is None or segments > 1:
        _refuse_other_segments(encoding.type_ids, segments)
        types = np.asarray(encoding.type_ids, dtype=np.int8)
    query, document = _span(owners, 0), _span(owners, 1)
    if query is None or document is None or query.stop > document.start:
        raise CorruptFile(
            "tokenizer.json has a post-processor that does not lay out a pair as one query, then one document.",
            remedy="Use the tokenizer.json that was published with the model.",
        )
    if document.start == query.stop:
        raise CorruptFile(
            "tokenizer.json has a post-processor that puts no special token between query and document, or none at "
            "all; the model would read one text.",
            remedy="Use the tokenizer.json that was published with the model.",
        )
    specials = len(ids) - (query.stop - query.start) - (document.stop - document.start)
    if specials > MAX_SPECIAL_TOKENS:
        raise CorruptFile(
            f"tokenizer.json has a post-processor that puts {specials} special tokens into a pair; expected at most "
            f"{MAX_SPECIAL_TOKENS}.",
            remedy="Use the tokenizer.json that was published with the model.",
        )
    return PairTemplate(
        prefix=ids[: query.start],
        middle=ids[query.stop : document.start],
        suffix=ids[document.stop :],
        prefix_types=types[: query.start],
        middle_types=types[query.stop : document.start],
        suffix_types=types[document.stop :],
        query_type=int(types[query.start]),
        document_type=int(types[document.start]),
    )


def _refuse_other_segments(types: list[int], segments: int | None) -> None:
    """Refuse segments that the model has no row for."""
    most = min(segments or MAX_SEGMENTS, MAX_SEGMENTS)
    if max(types) >= most:
        raise CorruptFile(
            f"tokenizer.json puts a text into segment {max(types)}; the model knows {most}, from 0 on.",
            remedy="Use the tokenizer.json and the config.json that were published with the model.",
        )


def _refuse_other_names(tokenizer: Tokenizer, encoding: Encoding) -> None:
    """Refuse special tokens whose ids are those of other tokens."""
    for number, name, owner in zip(encoding.ids, encoding.tokens, encoding.sequence_ids, strict=True):
        if owner is None and tokenizer.id_to_token(number) != name:
            raise CorruptFile(
                f"tokenizer.json puts {name!r} into a pair as id {number}, which is {tokenizer.id_to_token(number)!r} "
                "in its vocabulary.",
                remedy="Use the tokenizer.json that was published with the model.",
            )


def _span(owners: list[int | None], owner: int) -> slice | None:
    """The one run of positions that belongs to a sequence, or None if there is none or it is interrupted."""
    positions = [position for position, value in enumerate(owners) if value == owner]
    if not positions or positions[-1] - positions[0] + 1 != len(positions):
        return None
    return slice(positions[0], positions[-1] + 1)
