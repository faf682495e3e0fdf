"""From texts to pairs of tokens: the one class that the rest of the service uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..engine.batch import Pair
from ..errors import DocumentTooLong, InternalError, QueryTooLong, RerankerError, TokenizerFailed
from ..errors.printable import counted
from ..settings import Direction
from .estimate import estimate_tokens
from .pair_template import PairTemplate
from .policy import TextPolicy
from .precut import Precut, TextTokenizer, TextTokens, leading_tokens
from .reference_settings import ReferenceSettings
from .tokenizer_folder import TRIAL_TEXT, TokenizerFolder
from .truncation import comparable_tokens, document_tokens_needed, kept_slice, kept_tokens, query_tokens_needed
from .vocabulary import Vocabulary
from .windows import combine_windows, window_spans, windows_capacity_tokens

__all__ = ["EncodedDocument", "EncodedRequest", "PairEncoder", "combine_windows"]


_GROUP_CHARACTERS = 200_000
"""Characters of documents between two checkpoints: some tens of milliseconds of ordinary text."""


@dataclass(frozen=True, slots=True)
class EncodedDocument:
    """What is scored for one document."""

    pairs: tuple[Pair, ...]
    """One pair, or one per window."""

    tokens: int
    """Tokens scored for this document: special tokens and query included, all windows."""

    truncated: bool
    """Whether something of the query or the document was dropped."""

    error: RerankerError | None = None
    """Why there is no pair, where the tokenizer fails on this document."""


@dataclass(frozen=True, slots=True)
class EncodedRequest:
    """What is scored for one request."""

    documents: tuple[EncodedDocument, ...]
    """In the order of the request; equal documents share one object."""

    @property
    def tokens(self) -> int:
        """Tokens scored for the whole request."""
        return sum(document.tokens for document in self.documents)


@dataclass(frozen=True, slots=True)
class _Query:
    """The query's tokens and what the policy leaves for documents."""

    tokens: NDArray[np.int32]
    """int32 (Q,): the query after its own limit."""

    limited: bool
    """Whether the query's own limit dropped something."""

    budget_tokens: int
    """Room for query and document together."""


class PairEncoder:
    """Makes pairs. Safe to use from several threads: nothing changes after construction.

    Args:
        tokenizer: Tokenises without special tokens, truncation and padding.
        template: Special tokens around a pair.
        precut: How long texts are cut before they are tokenised.
        settings: What other files than tokenizer.json say.
        largest_id: Largest id that a text may become, if it is known.
        vocabulary: Tells what single texts become, for callers that ask; scoring does without.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        template: PairTemplate,
        precut: Precut,
        *,
        settings: ReferenceSettings | None = None,
        largest_id: int | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._precut = precut
        self.settings = settings or ReferenceSettings("", {}, {}, has_modules=False)
        self.largest_id = largest_id
        self.vocabulary = vocabulary

    @classmethod
    def from_directory(cls, directory: Path) -> PairEncoder:
        """Load the tokenizer of a checkpoint.

        Raises:
            UnknownModel: If there is no such directory.
            CorruptFile: If `tokenizer.json` is missing, unreadable or lays out pairs in an unknown way.
        """
        folder = TokenizerFolder.read(directory)
        return cls(
            folder.tokenizer,
            folder.template,
            folder.precut,
            settings=folder.settings,
            largest_id=folder.largest_id,
            vocabulary=folder.tokenizer,
        )

    @property
    def special_tokens(self) -> int:
        """Tokens that every pair has besides its texts."""
        return self._template.special_tokens

    @property
    def begins_with_special_token(self) -> bool:
        """Whether a pair's first token is none of the query's."""
        return len(self._template.prefix) > 0

    def encode(
        self,
        query: str,
        documents: Sequence[str],
        policy: TextPolicy,
        checkpoint: Callable[[int], None] = lambda _tokens: None,
        indices: Sequence[int] | None = None,
    ) -> EncodedRequest:
        """Tokenise a request: the query once, equal documents once.

        Args:
            query: Any string.
            documents: Any strings.
            policy: How they are cut.
            checkpoint: Called every fraction of a second on the way with the tokens so far, equal documents counted
                once; it may raise to stop the work.
            indices: What the caller calls the documents, for errors; their places in `documents` unless given.

        Raises:
            InternalError: If the tokenizer fails on the query.
            QueryTooLong: If the query leaves no room for a document and the policy may not cut it.
            DocumentTooLong: If a pair does not fit and the policy is to reject it.
        """
        encoded_query = self._encode_query(query, policy)
        heads: dict[int, Pair] = {}
        needed = self._document_tokens_needed(encoded_query, policy)
        first_index: dict[str, int] = {}
        for index, document in zip(indices or range(len(documents)), documents, strict=True):
            first_index.setdefault(document, index)
        by_text: dict[str, EncodedDocument] = {}
        tokens_so_far = 0
        # What a group becomes is known before the next one is tokenised: windows can multiply a request's size.
        for group in self._groups(list(first_index), needed):
            checkpoint(tokens_so_far)
            for text, found in zip(group, self._document_tokens(group, needed, policy.direction), strict=True):
                if isinstance(found, RerankerError):
                    by_text[text] = EncodedDocument((), 0, truncated=False, error=found)
                    continue
                tokens = _limited(found.ids, policy)
                kept = self._kept_query_tokens(encoded_query, tokens, policy, index=first_index[text])
                if kept not in heads:
                    part = kept_slice(len(encoded_query.tokens), kept, policy.direction)
                    heads[kept] = self._template.head(encoded_query.tokens[part])
                cut = TextTokens(tokens, is_cut=found.is_cut or len(tokens) < len(found.ids))
                by_text[text] = self._encode_document(encoded_query, kept, heads[kept], cut, policy)
                tokens_so_far += by_text[text].tokens
        return EncodedRequest(tuple(by_text[text] for text in documents))

    def trial(self, tokens: int) -> Pair:
        """Make a pair of so many tokens, of texts of every kind, which a scorer must be able to compute.

        Args:
            tokens: Special tokens included; at least one more than those.
        """
        (encoding,) = self._tokenizer.encode_batch([TRIAL_TEXT])
        texts = np.resize(np.asarray(encoding.ids, dtype=np.int32), tokens - self._template.special_tokens)
        query = len(texts) // 4
        return self._template.pair(self._template.head(texts[:query]), texts[query:])

    def estimate_tokens(self, queries: Sequence[str], documents: Sequence[str], policy: TextPolicy) -> int:
        """Estimate what a request will cost before it is tokenised, see `estimate`."""
        return estimate_tokens(queries, documents, policy, self._template.special_tokens)

    def _encode_query(self, query: str, policy: TextPolicy) -> _Query:
        budget = policy.max_pair_tokens - self._template.special_tokens
        needed = query_tokens_needed(budget, policy.truncation, policy.max_query_tokens)
        (found,) = leading_tokens(self._tokenizer, [query], needed, policy.direction, self._precut)
        tokens = found.ids
        limited = found.is_cut or (policy.max_query_tokens is not None and len(tokens) > policy.max_query_tokens)
        if policy.max_query_tokens is not None:
            tokens = tokens[kept_slice(len(tokens), policy.max_query_tokens, policy.direction)]
        if len(tokens) > budget and (policy.truncation == "only_second" or policy.long_documents == "reject"):
            raise _query_too_long(budget, policy)
        return _Query(tokens, limited, budget)

    def _document_tokens(
        self, texts: Sequence[str], needed: int, direction: Direction
    ) -> Sequence[TextTokens | TokenizerFailed]:
        """Tokenise texts together; one by one where that fails, so that only those fail that are to blame."""
        try:
            return leading_tokens(self._tokenizer, texts, needed, direction, self._precut)
        except InternalError as error:
            if len(texts) == 1:
                return [TokenizerFailed(error.message)]
        return [found for text in texts for found in self._document_tokens([text], needed, direction)]

    def _groups(self, texts: list[str], needed: int) -> Iterator[list[str]]:
        """Divide texts for checkpoints: one call of the tokenizer cannot be stopped."""
        start = 0
        while start < len(texts):
            end, characters = start, 0
            while end < len(texts) and characters < _GROUP_CHARACTERS:
                characters += min(len(texts[end]), needed * self._precut.characters_per_token)
                end += 1
            yield texts[start:end]
            start = end

    def _document_tokens_needed(self, query: _Query, policy: TextPolicy) -> int:
        needed = self._window_tokens_needed(query, policy)
        # One more than the limit tells that something is dropped.
        return needed if policy.max_document_tokens is None else min(needed, policy.max_document_tokens + 1)

    def _window_tokens_needed(self, query: _Query, policy: TextPolicy) -> int:
        query_tokens, budget = len(query.tokens), query.budget_tokens
        needed = document_tokens_needed(query_tokens, budget, policy.truncation)
        if policy.long_documents in ("cut", "reject"):
            return needed
        _, room = kept_tokens(query_tokens, max(needed, budget), budget, policy.truncation)
        capacity = windows_capacity_tokens(max(1, room), policy.window_overlap_tokens, policy.max_windows)
        return max(needed, capacity + 1)

    def _kept_query_tokens(self, query: _Query, tokens: NDArray[np.int32], policy: TextPolicy, *, index: int) -> int:
        """Settle how much of the query goes with this document, and refuse what may not be cut."""
        query_tokens, budget = len(query.tokens), query.budget_tokens
        if query_tokens + len(tokens) <= budget:
            return query_tokens
        if policy.truncation == "only_second" and query_tokens >= budget:
            raise _query_too_long(budget, policy)
        if policy.long_documents == "reject":
            room = budget - query_tokens
            raise DocumentTooLong(
                f"document {index} has more than {counted(room, 'token')}, the room that the query "
                f"({counted(query_tokens, 'token')}) leaves "
                f"in a pair of at most {policy.max_pair_tokens}.",
                remedy="Shorten it, or ask for another policy for long documents: cut, windows_max or windows_mean.",
            )
        comparable = min(len(tokens), comparable_tokens(budget))
        return kept_tokens(query_tokens, comparable, budget, policy.truncation)[0]

    def _encode_document(
        self, query: _Query, kept_query: int, head: Pair, document: TextTokens, policy: TextPolicy
    ) -> EncodedDocument:
        """Lay out one document's tokens.

        Args:
            query: The query, for what was dropped of it.
            kept_query: Tokens of the query in these pairs.
            head: Everything before the document.
            document: The document's tokens, as far as they can matter.
            policy: How to cut.
        """
        tokens = document.ids
        room = query.budget_tokens - kept_query
        if policy.long_documents in ("cut", "reject") or len(tokens) <= room:
            part = kept_slice(len(tokens), room, policy.direction)
            spans = [(part.start, min(part.stop, len(tokens)))]
        else:
            overlap = policy.window_overlap_tokens
            spans = window_spans(len(tokens), room, overlap, policy.max_windows, policy.direction)
        pairs = tuple(self._template.pair(head, tokens[start:end]) for start, end in spans)
        covered = spans[-1][1] - spans[0][0]
        dropped = query.limited or kept_query < len(query.tokens) or covered < len(tokens) or document.is_cut
        return EncodedDocument(pairs, sum(len(pair) for pair in pairs), dropped)


def _query_too_long(budget_tokens: int, policy: TextPolicy) -> QueryTooLong:
    return QueryTooLong(
        f"the query has {budget_tokens} tokens or more, which leaves no room for a document in a pair of at most "
        f"{policy.max_pair_tokens} tokens.",
        remedy="Shorten the query, limit it (maxQueryTokens), or take truncation longest_first and a policy that cuts.",
    )


def _limited(tokens: NDArray[np.int32], policy: TextPolicy) -> NDArray[np.int32]:
    """The document after its own limit."""
    limit = policy.max_document_tokens
    if limit is None or len(tokens) <= limit:
        return tokens
    return tokens[kept_slice(len(tokens), limit, policy.direction)]
