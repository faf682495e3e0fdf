"""The one handler behind every rerank route: read, dispatch, rank, answer in the dialect asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar, TypeVarTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..errors import CallerGone, InvalidField, RerankerError
from ..guard.api_keys import ApiKeys
from ..plain_numbers import plain_number
from ..ranking.ranking import Ranking
from ..ranking.served_model import ServedModel
from ..serving.state import ServingState
from ..settings import Settings
from .body import Bodies
from .dialect import Call, Dialect, Reply, RequestContext
from .dispatch import candidates, is_infinity_client
from .error_table import ErrorStyle
from .fields import Fields
from .model_names import model_name
from .prefix import asked_dialect
from .record import record_of
from .responses import json_response, refused
from .timing import timing_headers
from .wide_integers import written

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")

Handler = Callable[[Request], Awaitable[Response]]

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
        keys: Of which a request must bring one, if there are any.
        bodies: Of all requests.
        executor: Where large bodies are parsed and large answers written.
    """

    state: ServingState
    settings: Settings
    keys: ApiKeys
    bodies: Bodies
    executor: Executor

    def at(self, route: str) -> Handler:
        """The handler of one route.

        Args:
            route: One of the paths that dispatch knows; it may be served under other addresses too.
        """

        async def handle(request: Request) -> Response:
            return await self._handle(request, route)

        return handle

    async def _handle(self, request: Request, route: str) -> Response:
        """Answer one request; errors come back in the words of its dialect."""
        record = record_of(request)
        record.style = ErrorStyle(route=route, settings=self.settings.dialects)
        try:
            may_speak = candidates(route, asked_dialect(request) or self.settings.dialects.default_dialect)
            record.style = replace(record.style, dialect=may_speak.presumed.name, by_name=may_speak.by_name)
            record.key = self.keys.check(request.headers)
            deadline = self._deadline(request)
            body = await self.bodies.read(request)
            dialect = may_speak.settle(body)
            is_infinity = is_infinity_client(route, body)
            record.style = replace(record.style, dialect=dialect.name, is_infinity_client=is_infinity)
            record.dialect = dialect.name
            # Asked for after the dialect is known, so that a server that is not ready says so in its words.
            model = self.state.require_model()
            policy = model.ranker.policy
            record.style = replace(record.style, max_pair_tokens=policy.max_pair_tokens)
            is_strict = self.settings.dialects.strict_model_names
            name = model_name(body.get("model"), model.name, is_strict=is_strict)
            context = RequestContext(route, may_speak.by_name, self.settings.dialects, policy.long_documents)
            call = await self._parse(dialect, body, context)
            record.documents = len(call.request.documents)
            self.bodies.hold_documents(request, record.documents)
            record.ranking = await self._rank(request, model, call, deadline)
            reply = Reply(call, record.ranking, name, record.request_id, context)
            return await self._answer(dialect, reply, record.began, model.description.device)
        except RerankerError as error:
            return refused(request, error)

    async def _parse(self, dialect: Dialect, body: dict[str, Any], context: RequestContext) -> Call:
        items = sum(len(value) for value in body.values() if isinstance(value, list))
        fields = Fields(body, self.settings.http.max_documents)
        return await self._run(dialect.parse, fields, context, is_large=items > _OFF_LOOP_ITEMS)

    async def _run(self, work: Callable[[*_Arguments], _Result], *args: *_Arguments, is_large: bool) -> _Result:
        """Do a part of the work here, or in a thread where others would wait for it."""
        if not is_large:
            return work(*args)
        return await asyncio.get_running_loop().run_in_executor(self.executor, work, *args)

    async def _rank(self, request: Request, model: ServedModel, call: Call, deadline: float) -> Ranking:
        """Rank unless the client hangs up first."""
        remaining_s = deadline - time.monotonic()
        ranking = asyncio.ensure_future(model.ranker.rank_async(call.request, remaining_s))
        gone = asyncio.ensure_future(_until_gone(request))
        try:
            await asyncio.wait({ranking, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not ranking.done():
                _raise_gone()
            return ranking.result()
        finally:
            for task in (ranking, gone):
                task.cancel()
            await asyncio.gather(ranking, gone, return_exceptions=True)

    async def _answer(self, dialect: Dialect, reply: Reply, began: float, device: str) -> Response:
        request = reply.call.request
        is_large = len(request.documents) > _OFF_LOOP_ITEMS or request.characters > _OFF_LOOP_CHARACTERS
        content = await self._run(_write, dialect, reply, is_large=is_large)
        headers = timing_headers(request, reply.ranking, time.monotonic() - began, device)
        if reply.ranking.errors:
            headers["X-Rerank-Errors"] = _named_errors(reply.ranking)
        return json_response(content, headers=headers)

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


def _write(dialect: Dialect, reply: Reply) -> bytes:
    try:
        return written(dialect.render(reply))
    except orjson.JSONEncodeError:
        if not reply.call.sent:
            raise
        # What came with a document goes back unread; the writer gives up on a few hundred levels, the reader does not.
        raise InvalidField("A document's own fields are nested too deeply; the limit is 254 levels.") from None


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
