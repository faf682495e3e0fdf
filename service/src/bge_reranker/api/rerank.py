"""The one handler behind every rerank route: read, dispatch, rank, answer in the dialect asked."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..errors import CallerGone, InvalidField, RerankerError
from ..ranking.ranking import Ranking
from ..serving.state import ServedModel, ServingState
from ..settings import EngineSettings, HttpSettings
from .body import read_json
from .dialect import Call, Dialect, Reply
from .dispatch import DIALECT_HEADER, dialect_of_body, named_dialect
from .fields import Fields
from .record import record_of
from .responses import error_response, json_response

_OFF_LOOP_DOCUMENTS = 500
"""Answers with more documents than this are written in a thread; it takes milliseconds."""

_NAMED_ERRORS = 50
"""Most documents that the X-Rerank-Errors header names, so that no proxy refuses the answer for its headers."""

_DEADLINE_HEADER = "x-request-deadline-ms"


@dataclass(frozen=True, slots=True)
class RerankEndpoint:
    """Answers rerank requests.

    Args:
        state: What is served.
        http: Limits of bodies and documents.
        engine: The server's own deadline.
        executor: Where large bodies are parsed and large answers written.
    """

    state: ServingState
    http: HttpSettings
    engine: EngineSettings
    executor: Executor

    async def handle(self, request: Request) -> Response:
        """Answer one request; errors come back in the words of its dialect."""
        record = record_of(request)
        dialect: Dialect | None = None
        try:
            dialect = named_dialect(request.headers.get(DIALECT_HEADER))
            deadline = self._deadline(request)
            model = self.state.require_model()
            body = await read_json(request, self.http.max_body_bytes, self.http.body_timeout_s, self.executor)
            dialect = dialect or dialect_of_body(body)
            record.dialect = dialect.name
            call = dialect.parse(Fields(body, self.http.max_documents))
            record.documents = len(call.request.documents)
            record.ranking = await self._rank(request, model, call, deadline)
            return await self._answer(
                dialect, Reply(call, record.ranking, model.name, record.request_id, request.url.path)
            )
        except RerankerError as error:
            record.code = error.code
            return error_response(error, dialect)

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

    async def _answer(self, dialect: Dialect, reply: Reply) -> Response:
        if len(reply.call.request.documents) <= _OFF_LOOP_DOCUMENTS:
            content = _write(dialect, reply)
        else:
            loop = asyncio.get_running_loop()
            content = await loop.run_in_executor(self.executor, _write, dialect, reply)
        headers = {}
        if reply.ranking.errors:
            headers["X-Rerank-Errors"] = _named_errors(reply.ranking)
        return json_response(content, headers=headers)

    def _deadline(self, request: Request) -> float:
        """Monotonic second at which the answer is worthless; a caller may only shorten the server's own."""
        text = request.headers.get(_DEADLINE_HEADER)
        seconds = self.engine.deadline_s
        if text is not None:
            try:
                asked_s = float(text) / 1000
            except ValueError:
                asked_s = 0.0
            if not 0 < asked_s < float("inf"):
                raise InvalidField("The header X-Request-Deadline-Ms must be a number of milliseconds above 0.")
            seconds = min(seconds, asked_s)
        return time.monotonic() + seconds


def _write(dialect: Dialect, reply: Reply) -> bytes:
    # NumPy's float32 is written in its shortest form and always as a float: `1.0`, never `1`.
    return orjson.dumps(dialect.render(reply), option=orjson.OPT_SERIALIZE_NUMPY)


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


def openapi_examples(*dialects: Dialect) -> dict[str, Any]:
    """Request bodies that work, for the OpenAPI document."""
    examples = {dialect.name: {"value": dialect.example} for dialect in dialects}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}, "examples": examples}},
        }
    }
