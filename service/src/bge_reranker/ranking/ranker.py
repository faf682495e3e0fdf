"""The steps from a request to its ranking: reserve, tokenise, submit, wait, combine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import numpy as np

from ..engine.admission import LATE_REMEDY
from ..engine.engine import Engine, Outcome, Reservation, Submission
from ..engine.origin import Origin
from ..errors import CallerGone, CapacityError, DeadlineExceeded, PicturesNotServed, RerankerError, WorkerDied
from ..settings import LongDocuments
from ..text.encoder import EncodedDocument, PairEncoder, combine_windows
from ..text.policy import TextPolicy
from ..text.windows import WindowMode
from ..vision.encoder import DualEncoder
from ..vision.reader import Pictures
from .ranking import Ranking, Timing
from .request import RankRequest

_INLINE_CHARACTERS = 4_000
"""Requests up to this size are tokenised where they are; a hop to a thread costs more than it saves."""

_INLINE_DOCUMENTS = 200
"""Requests up to so many documents are queued and assembled on the event loop; larger ones would hold up others."""

_LIKENESS_CHARACTERS: Final = 100
"""Characters of a picture's source that tell it from others."""

_READING_SHARE: Final = 0.75
"""Part of a request's time in which its pictures have to be there: the rest is for scoring those that are."""

_NO_PICTURES: Final = Pictures()

Limit = TypeVar("Limit", int, int | None)


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom something is ranked."""

    name: Hashable
    """Who shares the scorer with all others."""

    weight: float = 1.0
    """Share beside others, above 0."""


NOBODY: Final = Asker("")
"""Where callers are not told apart."""


@dataclass(frozen=True, slots=True)
class _Flight:
    """A request on its way through the engine."""

    documents: Sequence[EncodedDocument]
    began: float
    tokenise_s: float
    submission: Submission


class Ranker:
    """Ranks documents with one model.

    Args:
        encoder: Turns text into tokens.
        engine: A started engine.
        policy: Text policy of the server, which a request may change for itself.
        executor: Where tokenising and the assembly of large answers run, so that the event loop stays free.
        clock: Seconds, monotonic; the engine's.
    """

    def __init__(
        self,
        encoder: PairEncoder | DualEncoder,
        engine: Engine,
        policy: TextPolicy,
        executor: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._encoder = encoder
        self._engine = engine
        self.policy = policy
        self._executor = executor
        self._clock = clock

    @property
    def encoder(self) -> PairEncoder | DualEncoder:
        """What turns text into tokens."""
        return self._encoder

    def rank(self, request: RankRequest, deadline_s: float, asker: Asker = NOBODY) -> Ranking:
        """Rank and wait; for threads other than an event loop's.

        Args:
            request: What to rank.
            deadline_s: Seconds from now until the answer is worthless.
            asker: For whom.

        Raises:
            RequestError: If a text does not fit its policy.
            CapacityError: If the engine refuses the request or its deadline passes.
            ScoringError: If no document could be scored.
        """
        policy, deadline = self.policy_of(request), self._clock() + deadline_s
        with self._reserve(request, policy, deadline, asker) as reservation:
            pictures = _NO_PICTURES
            if request.has_pictures and isinstance(self._encoder, DualEncoder):
                reader = self._encoder.reader
                pictures = reader.read(request.query_pictures, request.pictures, _READING_SHARE * deadline_s)
            done: Future[Outcome] = Future()
            flight = self._launch(request, policy, pictures, reservation, done.set_result)
            return _assemble(flight, done.result(), policy.long_documents, is_partial=request.is_partial)

    async def rank_async(self, request: RankRequest, deadline_s: float, asker: Asker = NOBODY) -> Ranking:
        """Rank as `rank` does, without blocking the event loop; a cancelled task abandons its pairs."""
        policy, deadline = self.policy_of(request), self._clock() + deadline_s
        with self._reserve(request, policy, deadline, asker) as reservation:
            pictures = _NO_PICTURES
            if request.has_pictures and isinstance(self._encoder, DualEncoder):
                reader, patience_s = self._encoder.reader, _READING_SHARE * deadline_s
                pictures = await reader.read_async(request.query_pictures, request.pictures, patience_s)
            answered, hand_over = _answer_on_loop(asyncio.get_running_loop())
            launch = partial(self._launch, request, policy, pictures, reservation, hand_over)
            flight = launch() if _is_small(request) else await self._launch_in_thread(launch)
            try:
                outcome = await answered
            except asyncio.CancelledError:
                flight.submission.abandon()
                raise
            assemble = partial(_assemble, flight, outcome, policy.long_documents, is_partial=request.is_partial)
            if len(flight.documents) <= _INLINE_DOCUMENTS:
                return assemble()
            return await asyncio.get_running_loop().run_in_executor(self._executor, assemble)

    def _launch(
        self,
        request: RankRequest,
        policy: TextPolicy,
        pictures: Pictures,
        reservation: Reservation,
        on_done: Callable[[Outcome], None],
    ) -> _Flight:
        """Tokenise and submit."""
        began = self._clock()
        documents = self._encode(request, policy, pictures, lambda tokens: self._check_wanted(tokens, reservation))
        tokenise_s = self._clock() - began
        self._check_wanted(sum(document.tokens for document in documents), reservation)
        _require_one([document.error for document in documents])
        pairs = [pair for document in documents for pair in document.pairs]
        return _Flight(documents, began, tokenise_s, self._engine.submit(reservation, pairs, on_done))

    def _encode(
        self, request: RankRequest, policy: TextPolicy, pictures: Pictures, checkpoint: Callable[[int], None]
    ) -> Sequence[EncodedDocument]:
        """Tokenise each query once, with the documents that are its own."""
        if isinstance(self._encoder, DualEncoder):
            queries = [request.query] if request.queries is None else request.queries
            return self._encoder.encode(queries, request.documents, policy, pictures, checkpoint)
        if request.queries is None:
            return self._encoder.encode(request.query, request.documents, policy, checkpoint, request.indices).documents
        encoded: dict[int, EncodedDocument] = {}
        tokens_before = 0
        for query, indices in request.by_query():
            documents = [request.documents[index] for index in indices]
            counting = _counting_on(tokens_before, checkpoint)
            names = indices if request.indices is None else [request.indices[index] for index in indices]
            found = self._encoder.encode(query, documents, policy, counting, names).documents
            tokens_before += sum(document.tokens for document in found)
            encoded.update(zip(indices, found, strict=True))
        return [encoded[index] for index in range(len(request.documents))]

    def _check_wanted(self, tokens: int, reservation: Reservation) -> None:
        """Stop tokenising for a caller who has gone, whose time is up, or who cannot be served in time.

        Args:
            tokens: Of the whole request, or of as much of it as is tokenised.
            reservation: The request's capacity in the queue.
        """
        if not reservation.is_open:
            raise CallerGone("The client hung up while its texts were tokenised.")
        if self._clock() >= reservation.deadline:
            raise DeadlineExceeded("The deadline passed while the texts were tokenised.", remedy=LATE_REMEDY)
        self._engine.check_hope(reservation, tokens)

    async def _launch_in_thread(self, launch: Callable[[], _Flight]) -> _Flight:
        """Launch off the event loop. A caller that goes meanwhile cannot stop the thread, so its pairs go after it."""
        launched = self._executor.submit(launch)
        try:
            return await asyncio.wrap_future(launched)
        except asyncio.CancelledError:
            launched.add_done_callback(_abandon_late)
            raise

    def policy_of(self, request: RankRequest) -> TextPolicy:
        """The text policy of one request.

        Raises:
            InvalidField: If it asks for more than the server allows.
            PicturesNotServed: If it holds pictures, and the model reads none.
        """
        if isinstance(self._encoder, DualEncoder):
            return self._policy_of_dual(request)
        if request.has_pictures:
            what = "The query" if request.query_pictures else f"Document {min(request.pictures)}"
            raise PicturesNotServed(
                f"{what} is a picture (`image`), and this server's model is a cross-encoder, which reads texts alone.",
                remedy="Send texts, or ask a server whose model is a dual encoder (CLIPModel, SiglipModel).",
            )
        server = self.policy
        base = replace(server, max_pair_tokens=_chosen(request.max_pair_tokens, server.max_pair_tokens))
        if request.preset is not None:
            base = base.under_preset(request.preset)
        changed = replace(
            base,
            truncation=request.truncation or base.truncation,
            direction=request.truncation_direction or base.direction,
            max_query_tokens=_chosen(_query_limit(request, base), base.max_query_tokens),
            max_document_tokens=request.max_document_tokens,
            long_documents=request.long_documents or base.long_documents,
            max_windows=min(_chosen(request.max_windows, base.max_windows), base.max_windows),
            window_overlap_tokens=_chosen(request.window_overlap_tokens, base.window_overlap_tokens),
        )
        return changed.validated(server, request.names)

    def _policy_of_dual(self, request: RankRequest) -> TextPolicy:
        """Each text has its own room in a dual encoder: neither windows nor presets nor lengths of pairs apply."""
        server = self.policy
        changed = replace(
            server,
            max_query_tokens=_chosen(request.max_query_tokens, server.max_query_tokens),
            max_document_tokens=request.max_document_tokens,
            long_documents=request.long_documents or server.long_documents,
        )
        return changed.validated(server, request.names)

    def estimated_tokens(self, request: RankRequest) -> int:
        """What a request will cost at most, before it is tokenised.

        Raises:
            InvalidField: If its options contradict the server's.
        """
        return self._estimate(request, self.policy_of(request))

    def _estimate(self, request: RankRequest, policy: TextPolicy) -> int:
        queries = [request.query] if request.queries is None else request.queries
        if isinstance(self._encoder, DualEncoder):
            return self._encoder.estimate_tokens(queries, request.documents, request.query_pictures, request.pictures)
        return self._encoder.estimate_tokens(queries, request.documents, policy)

    def _reserve(self, request: RankRequest, policy: TextPolicy, deadline: float, asker: Asker) -> Reservation:
        return self._engine.reserve(
            self._estimate(request, policy),
            deadline,
            _likeness(request),
            origin=Origin(asker.name, request.priority, asker.weight),
            is_partial=request.is_partial,
        )


def _counting_on(tokens_before: int, checkpoint: Callable[[int], None]) -> Callable[[int], None]:
    return lambda tokens: checkpoint(tokens_before + tokens)


def _likeness(request: RankRequest) -> int:
    """What tells a request from others at hardly any cost; neither text nor anything to restore one from is kept."""
    documents, queries = request.documents, request.queries or [request.query]
    pictures = [*list(request.query_pictures.values())[:1], *list(request.pictures.values())[:1]]
    ends = [str(source)[-_LIKENESS_CHARACTERS:] for source in pictures]
    return hash((len(documents), *queries[:1], *documents[:1], *documents[-1:], *ends))


def _chosen(wanted: int | None, otherwise: Limit) -> int | Limit:
    return otherwise if wanted is None else wanted


def _query_limit(request: RankRequest, policy: TextPolicy) -> int | None:
    """The request's own limit of the query; a limit of half the pair never lengthens what the server allows."""
    if not request.limits_query_to_half:
        return request.max_query_tokens
    half = policy.max_pair_tokens // 2
    return half if policy.max_query_tokens is None else min(half, policy.max_query_tokens)


def _answer_on_loop(
    loop: asyncio.AbstractEventLoop,
) -> tuple[asyncio.Future[Outcome], Callable[[Outcome], None]]:
    """A future of the loop, and what an engine's thread calls to settle it."""
    answered: asyncio.Future[Outcome] = loop.create_future()

    def settle(outcome: Outcome) -> None:
        if not answered.done():
            answered.set_result(outcome)

    def hand_over(outcome: Outcome) -> None:
        loop.call_soon_threadsafe(settle, outcome)

    return answered, hand_over


def _abandon_late(launched: Future[_Flight]) -> None:
    # Where the reservation was given up first, submitting raised, and there is nothing to abandon.
    if not launched.cancelled() and launched.exception() is None:
        launched.result().submission.abandon()


def _is_small(request: RankRequest) -> bool:
    """Whether tokenising here costs less than the hop to a thread saves."""
    return (
        not request.has_pictures
        and len(request.documents) <= _INLINE_DOCUMENTS
        and request.characters <= _INLINE_CHARACTERS
    )


def _require_one(errors: Sequence[RerankerError | None]) -> None:
    """Fail a request of which every document has failed, by the first one's error."""
    if errors and errors[0] is not None and None not in errors:
        raise errors[0]


def _assemble(flight: _Flight, outcome: Outcome, long_documents: LongDocuments, *, is_partial: bool) -> Ranking:
    """Fold the pairs of each document's windows into one logit per document."""
    for error in outcome.errors.values():
        # A ranking of what happened to be done in time would be a wrong one. Only a document's own fault is its own.
        if isinstance(error, CapacityError | WorkerDied) and not (is_partial and isinstance(error, DeadlineExceeded)):
            raise error
    documents = flight.documents
    logits = np.zeros(len(documents), dtype=np.float32)
    errors: dict[int, RerankerError] = {}
    mode: WindowMode = "windows_mean" if long_documents == "windows_mean" else "windows_max"
    first = 0
    for index, document in enumerate(documents):
        after = first + len(document.pairs)
        failed = (outcome.errors[pair] for pair in range(first, after) if pair in outcome.errors)
        failure = document.error or next(failed, None)
        if failure is not None:
            errors[index] = failure
        elif len(document.pairs) == 1:
            logits[index] = outcome.logits[first]
        else:
            logits[index] = combine_windows(outcome.logits[first:after], mode)
        first = after
    _require_one([errors.get(index) for index in range(len(documents))])
    return Ranking(
        logits=logits,
        errors=errors,
        tokens=np.array(
            [0 if index in errors else document.tokens for index, document in enumerate(documents)], dtype=np.int32
        ),
        truncated=np.fromiter((document.truncated for document in documents), dtype=np.bool_, count=len(documents)),
        timing=Timing(flight.tokenise_s, outcome.queue_s, outcome.compute_s, flight.began, outcome.trail),
    )
