"""From texts and pictures to pairs of a dual encoder.

A pair holds the query's part and the document's part end to end. A text is its tokens. A picture is as many tokens as
the network makes patches of it, so that the queue and its budget count what computing it costs; its pixels lie beside
them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engine.batch import DOCUMENT_PART, PICTURE_PART, Pair
from ..errors import DocumentTooLong, QueryTooLong, RerankerError
from ..text.encoder import EncodedDocument
from ..text.policy import TextPolicy
from ..text.tokenizer_folder import PlainTokenizer
from .reader import PictureReader, Pictures
from .turns import Pixels

_GROUP_TEXTS = 500
"""Texts between two checkpoints."""

_MAX_TOKEN_CHARACTERS = 64
"""Characters that a token stands for at most: what lies behind so many for each token that is read is not tokenised."""


@dataclass(frozen=True, slots=True)
class Towers:
    """What config.json says about the two networks."""

    text_tokens: int
    """Longest text in tokens, both ends included."""

    picture_tokens: int
    """Patches of a picture, and its class token."""

    side: int
    """Pixels of a picture's side."""


class DualEncoder:
    """Makes pairs. Safe to use from several threads: nothing changes after construction.

    Args:
        tokenizer: Tokenises texts, and tells callers who ask what they become.
        towers: Sizes.
        reader: Reads pictures.
    """

    def __init__(self, tokenizer: PlainTokenizer, towers: Towers, reader: PictureReader) -> None:
        self.vocabulary = tokenizer
        self._towers = towers
        self.reader = reader

    def estimate_tokens(
        self, queries: Sequence[str], documents: Sequence[str], pictures: Collection[int], *, is_picture: bool
    ) -> int:
        """Bound what a request will cost before anything of it is read.

        Args:
            queries: The longest counts with every document.
            documents: Texts; those of pictures are empty.
            pictures: Places of the documents that are pictures.
            is_picture: Whether the query is one.
        """
        towers = self._towers
        query = towers.picture_tokens if is_picture else max(map(self._most_tokens, queries))
        texts = sum(self._most_tokens(text) for index, text in enumerate(documents) if index not in pictures)
        return texts + len(pictures) * towers.picture_tokens + len(documents) * query

    def encode(
        self,
        queries: Sequence[str],
        documents: Sequence[str],
        policy: TextPolicy,
        pictures: Pictures,
        checkpoint: Callable[[int], None] = lambda _tokens: None,
    ) -> list[EncodedDocument]:
        """Make the pairs of a request.

        Args:
            queries: One for all documents, or one for each; empty where the query is a picture.
            documents: Texts; those of pictures are empty.
            policy: Whether texts that are too long are cut or refused.
            pictures: Those of the request.
            checkpoint: Called now and then with the tokens so far; it may raise to stop the work.

        Raises:
            QueryTooLong: If the query is, and the policy is to refuse.
            DocumentTooLong: If a document is, and the policy is to refuse.
        """
        heads = {text: self._head(text, policy, pictures.query) for text in dict.fromkeys(queries)}
        encoded: list[EncodedDocument] = []
        tokens = 0
        for start in range(0, len(documents), _GROUP_TEXTS):
            checkpoint(tokens)
            for index, part in enumerate(self._parts(documents, start, pictures), start):
                head = heads[queries[index] if len(queries) > 1 else queries[0]]
                encoded.append(_document(index, head, part, policy, self._towers.text_tokens))
                tokens += encoded[-1].tokens
        return encoded

    def trial(self, tokens: int) -> Pair:
        """Make a pair of about so many tokens: two texts, or two pictures where that is too long for texts."""
        if tokens > 2 * self._towers.text_tokens:
            pixels = np.zeros((self._towers.side, self._towers.side, 3), dtype=np.uint8)
            return _joined(self._picture(pixels), self._picture(pixels))
        text = self._text_parts(["one two three " * tokens])[0].tokens
        part = _Part(np.concatenate([text[: max(1, tokens // 2) - 1], text[-1:]]))
        return _joined(part, part)

    def _most_tokens(self, text: str) -> int:
        # Bytes, since a character of a script that the vocabulary lacks may be several tokens.
        return min(self._towers.text_tokens, 2 + (len(text) if text.isascii() else len(text.encode(errors="replace"))))

    def _head(self, text: str, policy: TextPolicy, picture: Pixels | None) -> _Part:
        if picture is not None:
            return self._picture(picture)
        part = self._text_parts([text])[0]
        if part.is_cut and policy.long_documents == "reject":
            raise QueryTooLong(
                f"the query has more than {self._towers.text_tokens} tokens, the longest text that the model reads.",
                remedy="Shorten it, or ask for a policy for long documents that cuts.",
            )
        return part

    def _parts(self, documents: Sequence[str], start: int, pictures: Pictures) -> list[_Part | RerankerError]:
        """The parts of a group of documents; equal texts are tokenised once."""
        group = range(start, min(start + _GROUP_TEXTS, len(documents)))
        texts = list(dict.fromkeys(documents[index] for index in group if index not in pictures.documents))
        parts = dict(zip(texts, self._text_parts(texts), strict=True))
        found: list[_Part | RerankerError] = []
        for index in group:
            picture = pictures.documents.get(index)
            if picture is None:
                found.append(parts[documents[index]])
            else:
                found.append(picture if isinstance(picture, RerankerError) else self._picture(picture))
        return found

    def _text_parts(self, texts: Sequence[str]) -> list[_Part]:
        limit = self._towers.text_tokens
        most = _MAX_TOKEN_CHARACTERS * limit
        parts = []
        for text, encoding in zip(texts, self.vocabulary.encode_single([text[:most] for text in texts]), strict=True):
            ids = encoding.ids
            is_long = len(ids) > limit
            # The last one is the end of a text, which the network looks for.
            kept = [*ids[: limit - 1], ids[-1]] if is_long else ids
            parts.append(_Part(np.asarray(kept, dtype=np.int32), is_cut=is_long or len(text) > most))
        return parts

    def _picture(self, pixels: Pixels) -> _Part:
        return _Part(np.zeros(self._towers.picture_tokens, dtype=np.int32), pixels=pixels)


@dataclass(frozen=True, slots=True)
class _Part:
    """One side of a pair."""

    tokens: NDArray[np.int32]
    pixels: Pixels | None = None
    is_cut: bool = False


def _document(
    index: int, head: _Part, part: _Part | RerankerError, policy: TextPolicy, text_tokens: int
) -> EncodedDocument:
    if isinstance(part, RerankerError):
        return EncodedDocument((), 0, truncated=False, error=part)
    if part.is_cut and policy.long_documents == "reject":
        raise DocumentTooLong(
            f"document {index} has more than {text_tokens} tokens, the longest text that the model reads.",
            remedy="Shorten it, or ask for another policy for long documents: cut.",
        )
    pair = _joined(head, part)
    return EncodedDocument((pair,), len(pair), truncated=head.is_cut or part.is_cut)


def _joined(query: _Part, document: _Part) -> Pair:
    types = [
        np.full(len(part.tokens), side | (PICTURE_PART if part.pixels is not None else 0), dtype=np.int8)
        for part, side in ((query, 0), (document, DOCUMENT_PART))
    ]
    return Pair(
        np.concatenate([query.tokens, document.tokens]),
        np.concatenate(types),
        tuple(part.pixels for part in (query, document) if part.pixels is not None),
    )
