"""From texts and pictures to pairs of a dual encoder.

A pair holds the query's part and the document's part end to end. A text is its tokens. A picture is as many tokens as
the network makes patches of it, so that the queue and its budget count what computing it costs; its pixels lie beside
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ..checkpoint_json import USE_PUBLISHED
from ..engine.batch import DOCUMENT_PART, PICTURE_PART, Pair
from ..errors import CorruptFile, DocumentTooLong, QueryTooLong, RerankerError
from ..text.encoder import EncodedDocument
from ..text.policy import TextPolicy
from .limits import PictureLimits
from .preprocessing import Preprocessing
from .sources import FetchPicture, content_of

Pixels = NDArray[np.uint8]

_GROUP_TEXTS = 500
"""Texts between two checkpoints."""


@dataclass(frozen=True, slots=True)
class Towers:
    """What config.json says about the two networks."""

    text_tokens: int
    """Longest text in tokens, both ends included."""

    picture_tokens: int
    """Patches of a picture, and its class token."""

    side: int
    """Pixels of a picture's side."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a request, read."""

    query: Pixels | None = None
    documents: Mapping[int, Pixels | RerankerError] = field(default_factory=dict)
    """By the document's place; what could not be read is its error."""

    @property
    def count(self) -> int:
        """How many have to be computed, the query's once."""
        return (self.query is not None) + sum(not isinstance(found, RerankerError) for found in self.documents.values())


class DualEncoder:
    """Makes pairs. Safe to use from several threads: nothing changes after construction.

    Args:
        tokenizer: With its special tokens; it neither cuts nor pads.
        towers: Sizes.
        preprocessing: What becomes of pictures.
        limits: How large they may be.
        fetch: Fetches addresses; None where that is off.
    """

    vocabulary = None
    """Single texts are not shown as tokens."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        towers: Towers,
        preprocessing: Preprocessing,
        limits: PictureLimits,
        fetch: FetchPicture | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._towers = towers
        self._preprocessing = preprocessing
        self._limits = limits
        self._fetch = fetch

    @classmethod
    def from_directory(
        cls, directory: Path, towers: Towers, limits: PictureLimits, fetch: FetchPicture | None
    ) -> DualEncoder:
        """Load the tokenizer and the processor of a checkpoint.

        Raises:
            CorruptFile: If one of the files is missing or cannot be used.
        """
        path = directory / "tokenizer.json"
        if not path.is_file():
            raise CorruptFile(f"{directory}: no tokenizer.json there.", remedy=USE_PUBLISHED)
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            raise CorruptFile(f"{path} cannot be read ({type(error).__name__}).", remedy=USE_PUBLISHED) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(tokenizer, towers, Preprocessing.read(directory, towers.side), limits, fetch)

    @property
    def max_pair_tokens(self) -> int:
        """Longest pair."""
        return 2 * max(self._towers.text_tokens, self._towers.picture_tokens)

    def read_pictures(self, query: str | None, documents: Mapping[int, str]) -> Pictures:
        """Get and decode pictures, equal ones once; it may take as long as fetching may.

        Args:
            query: Source of the query's, if it is one.
            documents: Sources of the documents that are, by place.

        Raises:
            RequestError: If the query cannot be read.
        """
        asked = None if query is None else self._read(query)
        found: dict[str, Pixels | RerankerError] = {}
        for source in dict.fromkeys(documents.values()):
            try:
                found[source] = self._read(source)
            except RerankerError as error:
                found[source] = error
        return Pictures(asked, {index: found[source] for index, source in documents.items()})

    def estimate_tokens(
        self, queries: Sequence[str], documents: Sequence[str], pictures: int, *, is_picture: bool = False
    ) -> int:
        """Bound what a request will cost before it is tokenised.

        Args:
            queries: Each counts with every document.
            documents: Texts; those of pictures are empty.
            pictures: How many there are.
            is_picture: Whether the query is one.
        """
        longest = self._towers.text_tokens
        query = max(min(longest, len(text) + 2) for text in queries)
        if is_picture:
            query = self._towers.picture_tokens
        texts = sum(min(longest, len(text) + 2) + query for text in documents)
        return texts + pictures * self._towers.picture_tokens

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
        for index, text in enumerate(documents):
            if index % _GROUP_TEXTS == 0:
                checkpoint(tokens)
            head = heads[queries[index] if len(queries) > 1 else queries[0]]
            encoded.append(self._document(index, text, head, policy, pictures))
            tokens += encoded[-1].tokens
        return encoded

    def trial(self, tokens: int) -> Pair:
        """Make a pair of about so many tokens: two texts, or two pictures where that is too long for texts."""
        if tokens > 2 * self._towers.text_tokens:
            pixels = np.zeros((self._towers.side, self._towers.side, 3), dtype=np.uint8)
            return _joined(self._picture(pixels), self._picture(pixels))
        ids = np.asarray(self._tokenizer.encode("one two three").ids, dtype=np.int32)
        part = _Part(np.concatenate([ids[:1], np.resize(ids[1:-1], max(1, tokens // 2 - 2)), ids[-1:]]))
        return _joined(part, part)

    def _read(self, source: str) -> Pixels:
        from .decoding import decode  # noqa: PLC0415 - Pillow need not be installed where no pictures are served

        content = content_of(source, self._limits.max_bytes, self._fetch)
        return decode(content, self._limits, self._preprocessing)

    def _head(self, text: str, policy: TextPolicy, picture: Pixels | None) -> _Part:
        if picture is not None:
            return self._picture(picture)
        part = self._text(text)
        if part.is_cut and policy.long_documents == "reject":
            raise QueryTooLong(
                f"the query has more than {self._towers.text_tokens} tokens, the longest text that the model reads.",
                remedy="Shorten it, or take a policy for long documents that cuts.",
            )
        return part

    def _document(self, index: int, text: str, head: _Part, policy: TextPolicy, pictures: Pictures) -> EncodedDocument:
        found = pictures.documents.get(index)
        if isinstance(found, RerankerError):
            return EncodedDocument((), 0, truncated=False, error=found)
        part = self._text(text) if found is None else self._picture(found)
        if part.is_cut and policy.long_documents == "reject":
            raise DocumentTooLong(
                f"document {index} has more than {self._towers.text_tokens} tokens, the longest text that the model "
                "reads.",
                remedy="Shorten it, or take another policy for long documents.",
            )
        pair = _joined(head, part)
        return EncodedDocument((pair,), len(pair), truncated=head.is_cut or part.is_cut)

    def _text(self, text: str) -> _Part:
        # A token has at least one character, most have several: nothing behind this could be read.
        ids = self._tokenizer.encode(text[: 64 * self._towers.text_tokens]).ids
        limit = self._towers.text_tokens
        is_cut = len(ids) > limit or len(text) > 64 * limit
        kept = [*ids[: limit - 1], ids[-1]] if len(ids) > limit else ids
        return _Part(np.asarray(kept, dtype=np.int32), is_cut=is_cut)

    def _picture(self, pixels: Pixels) -> _Part:
        return _Part(np.zeros(self._towers.picture_tokens, dtype=np.int32), pixels=pixels)


@dataclass(frozen=True, slots=True)
class _Part:
    """One side of a pair."""

    tokens: NDArray[np.int32]
    pixels: Pixels | None = None
    is_cut: bool = False


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
