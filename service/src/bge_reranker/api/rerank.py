"""The one handler behind every rerank route: read, dispatch, rank, answer in the dialect asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NoReturn, TypeVar, TypeVarTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..errors import CallerGone, InvalidField, RerankerError
from ..guard.guard import Guard
from ..guard.score_cache.cache import ScoreCache
from ..guard.shares import weight_of
from ..plain_numbers import plain_number
from ..ranking.ranker import Asker
from ..ranking.ranking import Ranking
from ..serving.state import ServingState
from ..settings import Settings
from ..shadow.shadowing import Shadowing
from .addresses import asked_dialect
from .admission import admit
from .body import Bodies
from .cache_headers import cache_headers, cache_use
from .call import RequestContext
from .dispatch import candidates
from .exchange import Addressed, Answered, Arrived, Identified, Ranked, Read, Spoken, record_of
from .model_names import model_name
from .responses import json_response, refused
from .routes import Handler
from .timing import timing_headers
from .wide_integers import written

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")

_OFF_LOOP_ITEMS = 500
"""Bodies and answers with more items than this are read and written in a thread; it takes milliseconds."""

_OFF_LOOP_CHARACTERS = 250_000
"""As `_OFF_LOOP_ITEMS`, for answers to requests with long texts, which come back in some dialects."""

_NAMED_ERRORS = 50
"""Most documents that the X-Rerank-Errors header names, so that no proxy refuses the answer for its headers."""

_DEADLINE_HEADER = "x-request-deadline-ms"

_LEAST_DEADLINE_MS = 1
"""Shortest deadline that a caller may ask for; below it nothing is ever done in time."""


@dataclass(frozen=True, slots=True)
class RerankEndpoint:
    """Answers rerank requests.

    Args:
        state: What is served.
        settings: Limits of bodies and documents, the server's own deadline, and how strict its dialects are.
        guard: Who may rank, and how much.
        bodies: Of all requests.
        executor: Where large bodies are parsed and large answers written.
        scores: What is known of scores, if any are kept.
        shadowing: Samples answered requests, if there may be a shadow.
    """

    state: ServingState
    settings: Settings
    guard: Guard
    bodies: Bodies
    executor: Executor
    scores: ScoreCache | None = None
    shadowing: Shadowing | None = None

    def at(self, route: str) -> Handler:
        """The handler of one route.

        Args:
            route: One of the paths that dispatch knows; it may be served under other addresses too.
        """

        async def handle(request: Request) -> Response:
            return await self._handle(request, route)

        return handle

    async def _handle(self, request: Request, route: str) -> Response:
        """Answer one request, stage by stage; errors come back in the style of the stage that it has reached."""
        record = record_of(request)
        try:
            record.stage = addressed = self._address(request, record.arrived, route)
            record.stage = identified = await self._identify(request, addressed)
            record.stage = read = await self._read(request, identified)
            record.stage = spoken = await self._speak(read)
            self.bodies.hold_documents(request, len(spoken.call.request.documents))
            record.stage = ranked = await self._rank_within_limits(request, spoken)
            response = await self._answer(ranked)
        except RerankerError as error:
            return refused(request, error)
        if self.shadowing is not None and not spoken.call.request.has_pictures:
            self.shadowing.offer(spoken.call.request, ranked.ranking, time.monotonic() - record.arrived.began)
        record.stage = Answered(ranked.outcome)
        return response

    def _address(self, request: Request, arrived: Arrived, route: str) -> Addressed:
        dialects = self.settings.dialects
        asked = asked_dialect(request) or dialects.default_dialect
        return Addressed(arrived, route, candidates(route, asked), dialects)

    async def _identify(self, request: Request, addressed: Addressed) -> Identified:
        return Identified(addressed, await admit(self.guard, request, "rerank"))

    async def _read(self, request: Request, identified: Identified) -> Read:
        deadline = self._deadline(request)
        body = await self.bodies.read(request)
        return Read(identified, deadline, body, identified.addressed.candidates.settle(body))

    async def _speak(self, read: Read) -> Spoken:
        # Asked for after the dialect is known, so that a server that is not ready says so in its style.
        model = self.state.require_model()
        name = model_name(read.body.get("model"), model.name, is_strict=self.settings.dialects.strict_model_names)
        addressed, body = read.addressed, read.body
        context = RequestContext(addressed.candidates.by_name, addressed.settings, model.ranker.policy.long_documents)
        items = sum(len(value) for value in body.values() if isinstance(value, list))
        max_documents, is_large = self.settings.http.max_documents, items > _OFF_LOOP_ITEMS
        call = await self._run(read.dialect.read, body, max_documents, context, is_large=is_large)
        return Spoken(read, model, name, call)

    async def _run(self, work: Callable[[*_Arguments], _Result], *args: *_Arguments, is_large: bool) -> _Result:
        """Do a part of the work here, or in a thread where others would wait for it."""
        if not is_large:
            return work(*args)
        return await asyncio.get_running_loop().run_in_executor(self.executor, work, *args)

    async def _rank_within_limits(self, request: Request, spoken: Spoken) -> Ranked:
        """Rank, and charge the caller with what it took: nothing where there was no ranking.

        Whoever hangs up is charged with what was estimated: it may have been computed.
        """
        limits = self.guard.limits
        if limits is None:
            return await self._rank(request, spoken)
        tokens = spoken.model.ranker.estimated_tokens(spoken.call.request) if limits.counts_tokens else 0
        charge = await self.guard.charge(spoken.read.identified.admitted, tokens)
        used_tokens = 0
        try:
            ranked = await self._rank(request, spoken)
            used_tokens = ranked.ranking.total_tokens
        except CallerGone:
            used_tokens = tokens
            raise
        finally:
            if charge is not None:
                charge.settle(used_tokens)
        return ranked

    async def _rank(self, request: Request, spoken: Spoken) -> Ranked:
        """Rank unless the client hangs up first."""
        remaining_s, admitted = spoken.read.deadline - time.monotonic(), spoken.read.identified.admitted
        asker = Asker(admitted.party, weight_of(admitted.caller.name, self.settings.guard.caller_weights))
        ranking = asyncio.ensure_future(self._scored(request, spoken, remaining_s, asker))
        gone = asyncio.ensure_future(_until_gone(request))
        try:
            await asyncio.wait({ranking, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not ranking.done():
                _raise_gone()
            return Ranked(spoken, ranking.result())
        finally:
            for task in (ranking, gone):
                task.cancel()
            await asyncio.gather(ranking, gone, return_exceptions=True)

    async def _scored(self, request: Request, spoken: Spoken, remaining_s: float, asker: Asker) -> Ranking:
        if self.scores is None:
            return await spoken.model.ranker.rank_async(spoken.call.request, remaining_s, asker)
        use = cache_use(request.headers.getlist("cache-control"))
        return await self.scores.rank(spoken.model, spoken.call.request, remaining_s, asker, use)

    async def _answer(self, ranked: Ranked) -> Response:
        request = ranked.call.request
        is_large = len(request.documents) > _OFF_LOOP_ITEMS or request.characters > _OFF_LOOP_CHARACTERS
        content = await self._run(_write, ranked, is_large=is_large)
        return json_response(content, headers=_headers(ranked))

    def _deadline(self, request: Request) -> float:
        """Monotonic second at which the answer is worthless; a caller may only shorten the server's own."""
        text = request.headers.get(_DEADLINE_HEADER)
        seconds = self.settings.engine.deadline_s
        if text is not None:
            asked_ms = plain_number(text)
            if asked_ms is None or asked_ms < _LEAST_DEADLINE_MS:
                raise InvalidField(
                    "The header X-Request-Deadline-Ms must be a number of milliseconds in the digits 0 to 9, "
                    "at least 1."
                )
            seconds = min(seconds, asked_ms / 1000)
        return time.monotonic() + seconds


def _write(ranked: Ranked) -> bytes:
    try:
        return written(ranked.spoken.read.dialect.render(ranked))
    except orjson.JSONEncodeError:
        if not ranked.call.sent:
            raise
        # What came with a document goes back unread; the writer gives up on a few hundred levels, the reader does not.
        raise InvalidField("A document's own fields are nested too deeply; the limit is 254 levels.") from None


def _headers(ranked: Ranked) -> dict[str, str]:
    device, total_s = ranked.spoken.model.description.device, time.monotonic() - ranked.arrived.began
    headers = timing_headers(ranked.call.request, ranked.ranking, total_s, device)
    headers |= cache_headers(ranked.ranking)
    if ranked.ranking.errors:
        headers["X-Rerank-Errors"] = _named_errors(ranked.ranking)
    return headers


def _named_errors(ranking: Ranking) -> str:
    """The documents without a score, at most some dozens by name, then how many there are."""
    named = [f"{index}={error.code}" for index, error in sorted(ranking.errors.items())]
    if len(named) > _NAMED_ERRORS:
        named = [*named[:_NAMED_ERRORS], f"total={len(named)}"]
    return ", ".join(named)


async def _until_gone(request: Request) -> None:
    """Return when the client has closed its connection. The body has been read, so nothing else can arrive."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _raise_gone() -> NoReturn:
    raise CallerGone("The client hung up before its answer was ready.")
