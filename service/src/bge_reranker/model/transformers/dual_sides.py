"""Divides the pairs of a batch into what has to be embedded, each thing once, and what is compared with what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...engine.batch import DOCUMENT_PART, PICTURE_PART, Batch

Pixels = NDArray[np.uint8]
Tokens = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two things that a pair compares."""

    is_picture: bool
    place: int
    """In the list of its kind."""


@dataclass(slots=True)
class Sides:
    """What has to be embedded for a batch, and which two of it each pair compares."""

    texts: list[Tokens] = field(default_factory=list)
    pictures: list[Pixels] = field(default_factory=list)
    pairs: list[tuple[Side, Side]] = field(default_factory=list)
    _known: dict[bytes | int, Side] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: Batch, text_tokens: int, blank: Pixels) -> Sides:
        """Divide a batch.

        Args:
            batch: Pairs of a dual encoder, or those of one part with which throughput is measured: they become a shared
                query and a document of their own, texts where these are short enough and pictures else.
            text_tokens: Longest text.
            blank: The picture that stands for the latter.
        """
        sides, waiting = cls(), iter(batch.pictures)
        for start, end in zip(batch.cu_seqlens[:-1], batch.cu_seqlens[1:], strict=True):
            tokens, types = batch.tokens[start:end], batch.types[start:end]
            query = int(np.count_nonzero((types & DOCUMENT_PART) == 0))
            if query < len(tokens):
                one = sides._side(tokens[:query], types[0], waiting)
                other = sides._side(tokens[query:], types[query], waiting)
            else:
                half = tokens[: max(1, len(tokens) // 2)]
                is_text = len(half) <= text_tokens
                one = sides._text(half) if is_text else sides._picture(blank)
                other = sides._new_text(half) if is_text else sides._new_picture(blank)
            sides.pairs.append((one, other))
        return sides

    def _side(self, tokens: Tokens, kind: np.int8, waiting: Iterator[Pixels]) -> Side:
        return self._picture(next(waiting)) if kind & PICTURE_PART else self._text(tokens)

    def _text(self, tokens: Tokens) -> Side:
        key = tokens.tobytes()
        if key not in self._known:
            self._known[key] = self._new_text(tokens)
        return self._known[key]

    def _picture(self, pixels: Pixels) -> Side:
        # The pairs of a request share the array of its query, and that of a picture that is there twice.
        key = id(pixels)
        if key not in self._known:
            self._known[key] = self._new_picture(pixels)
        return self._known[key]

    def _new_text(self, tokens: Tokens) -> Side:
        self.texts.append(tokens)
        return Side(is_picture=False, place=len(self.texts) - 1)

    def _new_picture(self, pixels: Pixels) -> Side:
        self.pictures.append(pixels)
        return Side(is_picture=True, place=len(self.pictures) - 1)
