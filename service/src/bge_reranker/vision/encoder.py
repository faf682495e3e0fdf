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
from ..errors import DocumentTooLong, InvalidPicture, QueryTooLong, RerankerError
from ..text.encoder import EncodedDocument
from ..text.policy import TextPolicy
from ..text.tokenizer_folder import PlainTokenizer
from .reader import PictureReader, Pictures
from .sources import is_picture_as_text
from .turns import Pixels, Result

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
        self._end_tokens = len(tokenizer.encode_single([""])[0].ids)
        self.reader = reader

    def estimate_tokens(
        self,
        queries: Sequence[str],
        documents: Sequence[str],
        query_pictures: Collection[int],
        pictures: Collection[int],
    ) -> int:
        """Bound what a request will cost before anything of it is read.

        Args:
            queries: The longest counts with every document.
            documents: Texts; those of pictures are empty.
            query_pictures: Places of the queries that are pictures.
            pictures: Places of the documents that are.
        """
        towers = self._towers
        query = max(towers.picture_tokens if query_pictures else 0, *map(self._most_tokens, queries))
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
            queries: One for all documents, or one for each; those of pictures are empty.
            documents: Texts; those of pictures are empty.
            policy: How long texts may be, and whether longer ones are cut or refused.
            pictures: Those of the request.
            checkpoint: Called now and then with the tokens so far; it may raise to stop the work.

        Returns:
            One for each document; with an error where it, or its query, cannot be read.

        Raises:
            QueryTooLong: If a query is, and the policy is to refuse.
            DocumentTooLong: If a document is, and the policy is to refuse.
        """
        heads = self._heads(queries, policy, pictures)
        encoded: list[EncodedDocument] = []
        tokens = 0
        for start in range(0, len(documents), _GROUP_TEXTS):
            checkpoint(tokens)
            for index, part in enumerate(self._parts(documents, start, policy, pictures), start):
                head = heads[index if len(queries) > 1 else 0]
                encoded.append(_document(index, head, part, policy, self._towers.text_tokens))
                tokens += encoded[-1].tokens
        return encoded

    def trial(self, tokens: int) -> Pair:
        """Make a pair of about so many tokens: two texts, or two pictures where that is too long for texts."""
        if tokens > 2 * self._towers.text_tokens:
            pixels = np.zeros((self._towers.side, self._towers.side, 3), dtype=np.uint8)
            return _joined(self._pixels(pixels), self._pixels(pixels))
        text = self._text_part("one two three " * tokens, None).tokens
        part = _Part(np.concatenate([text[: max(1, tokens // 2) - 1], text[-1:]]))
        return _joined(part, part)

    def _most_tokens(self, text: str) -> int:
        # Bytes, since a character of a script that the vocabulary lacks may be several tokens.
        return min(self._towers.text_tokens, 2 + (len(text) if text.isascii() else len(text.encode(errors="replace"))))

    def _heads(self, queries: Sequence[str], policy: TextPolicy, pictures: Pictures) -> list[_Part | RerankerError]:
        """The parts of the queries; equal texts are tokenised once."""
        texts = {text: self._text_part(text, policy.max_query_tokens) for text in dict.fromkeys(queries)}
        heads: list[_Part | RerankerError] = []
        for place, text in enumerate(queries):
            picture = pictures.queries.get(place)
            if picture is not None:
                heads.append(self._picture(picture))
            elif is_picture_as_text(text):
                heads.append(_picture_as_text("The query"))
            else:
                heads.append(texts[text])
                self._refuse_long_query(texts[text], policy)
        return heads

    def _refuse_long_query(self, part: _Part, policy: TextPolicy) -> None:
        if part.is_too_long and policy.long_documents == "reject":
            raise QueryTooLong(
                f"the query has more than {self._towers.text_tokens} tokens, the longest text that the model reads.",
                remedy="Shorten it, or ask for a policy for long documents that cuts.",
            )

    def _parts(
        self, documents: Sequence[str], start: int, policy: TextPolicy, pictures: Pictures
    ) -> list[_Part | RerankerError]:
        """The parts of a group of documents; equal texts are tokenised once."""
        group = range(start, min(start + _GROUP_TEXTS, len(documents)))
        texts = list(dict.fromkeys(documents[index] for index in group if index not in pictures.documents))
        parts = dict(zip(texts, self._text_parts(texts, policy.max_document_tokens), strict=True))
        found: list[_Part | RerankerError] = []
        for index in group:
            picture = pictures.documents.get(index)
            if picture is not None:
                found.append(self._picture(picture))
            elif is_picture_as_text(documents[index]):
                found.append(_picture_as_text("The document"))
            else:
                found.append(parts[documents[index]])
        return found

    def _text_part(self, text: str, limit_tokens: int | None) -> _Part:
        return self._text_parts([text], limit_tokens)[0]

    def _text_parts(self, texts: Sequence[str], limit_tokens: int | None) -> list[_Part]:
        """Tokenise.

        Args:
            texts: What.
            limit_tokens: Most tokens of a text, without what the vocabulary puts at its ends; None: as the model reads.
        """
        longest = self._towers.text_tokens
        limit = longest if limit_tokens is None else min(longest, limit_tokens + self._end_tokens)
        most = _MAX_TOKEN_CHARACTERS * longest
        parts = []
        for text, encoding in zip(texts, self.vocabulary.encode_single([text[:most] for text in texts]), strict=True):
            ids = encoding.ids
            # The last one is the end of a text, which the network looks for.
            kept = [*ids[: limit - 1], ids[-1]] if len(ids) > limit else ids
            is_cut = len(ids) > limit or len(text) > most
            parts.append(
                _Part(np.asarray(kept, dtype=np.int32), is_cut=is_cut, is_too_long=is_cut and limit == longest)
            )
        return parts

    def _picture(self, picture: Result) -> _Part | RerankerError:
        if isinstance(picture, RerankerError):
            return picture
        return self._pixels(picture)

    def _pixels(self, pixels: Pixels) -> _Part:
        return _Part(np.zeros(self._towers.picture_tokens, dtype=np.int32), pixels=pixels)


@dataclass(frozen=True, slots=True)
class _Part:
    """One side of a pair."""

    tokens: NDArray[np.int32]
    pixels: Pixels | None = None
    is_cut: bool = False
    is_too_long: bool = False
    """Whether it was cut because the model reads no more, and not by the caller's wish."""


def _document(
    index: int, head: _Part | RerankerError, part: _Part | RerankerError, policy: TextPolicy, text_tokens: int
) -> EncodedDocument:
    for side in (head, part):
        if isinstance(side, RerankerError):
            return EncodedDocument((), 0, truncated=False, error=side)
    assert isinstance(head, _Part)  # noqa: S101 - tells mypy so
    assert isinstance(part, _Part)  # noqa: S101 - tells mypy so
    if part.is_too_long and policy.long_documents == "reject":
        raise DocumentTooLong(
            f"document {index} has more than {text_tokens} tokens, the longest text that the model reads.",
            remedy="Shorten it, or ask for another policy for long documents: cut.",
        )
    pair = _joined(head, part)
    return EncodedDocument((pair,), len(pair), truncated=head.is_cut or part.is_cut)


def _picture_as_text(what: str) -> InvalidPicture:
    return InvalidPicture(
        f"{what} is a text that holds a picture as data URI, and is not read as words.",
        remedy='Send {"image": "data:..."} in its place.',
    )


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
