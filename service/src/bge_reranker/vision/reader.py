"""Gets the pictures of a request and decodes them, several at a time and in threads of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from ..errors import InvalidPicture, PictureUnavailable, RerankerError
from .line import Line
from .sources import FetchPicture, PictureSource, inline_content, is_address
from .turns import Pixels, Readers, Result, Turns

Sources = Mapping[int, PictureSource]
"""Pictures of a request by their places."""

Decode = Callable[[bytes], Pixels]
"""Decodes a file, or raises one of our errors."""

_FETCHES: Final = 16
"""Pictures that are fetched at a time; they wait for others' servers most of the time."""

_DECODES: Final = 4
"""Most pictures that are decoded at a time: a large one takes hundreds of megabytes meanwhile."""

_FETCHES_OF_ONE: Final = 4
_DECODES_OF_ONE: Final = 1
"""Of one request at a time, so that its next picture stands behind those of everybody else who waits."""


_SMALLEST: Final = 8_192
"""What reading even the smallest picture takes, as so many characters of a large one's source."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a request by their places, read; what could not be read is its error."""

    queries: Mapping[int, Result] = field(default_factory=dict)
    documents: Mapping[int, Result] = field(default_factory=dict)


class PictureReader:
    """Reads pictures. Safe to use from several threads.

    Args:
        decode: What becomes of a file.
        max_bytes: Largest file.
        fetch: Fetches addresses; None where that is off.
    """

    def __init__(self, decode: Decode, max_bytes: int, fetch: FetchPicture | None = None) -> None:
        self._decode = decode
        self._max_bytes = max_bytes
        self._fetch = fetch
        # Apart from each other and from the threads that tokenise: a slow address keeps nobody else waiting.
        fetching = ThreadPoolExecutor(_FETCHES, "fetch-picture")
        decodes = min(_DECODES, os.cpu_count() or 1)
        self._decoding = ThreadPoolExecutor(decodes, "decode-picture")
        self._fetchers = Readers(self._fetched, lambda _source: 1.0, fetching, Line(_FETCHES), _FETCHES_OF_ONE)
        self._decoders = Readers(self._attempt, _work, self._decoding, Line(decodes), _DECODES_OF_ONE)

    def read(self, queries: Sources, documents: Sources, timeout_s: float) -> Pictures:
        """Get and decode pictures, equal ones once; for threads other than an event loop's.

        Args:
            queries: Queries that are pictures.
            documents: Documents that are.
            timeout_s: Seconds after which a picture that is not there counts as unavailable.

        Raises:
            QueueFull: If the pictures cannot be read in that time beside those of others; says when to retry.
        """
        turns = Turns()
        try:
            self._start(turns, [*queries.values(), *documents.values()], timeout_s)
            wait(turns.results.values(), timeout_s)
            return _gathered(turns.results, queries, documents, timeout_s)
        finally:
            turns.stop()

    async def read_async(self, queries: Sources, documents: Sources, timeout_s: float) -> Pictures:
        """Read as `read` does, without blocking the event loop; a cancelled task starts nothing more."""
        turns = Turns()
        try:
            self._start(turns, [*queries.values(), *documents.values()], timeout_s)
            if turns.results:
                await asyncio.wait(map(asyncio.wrap_future, turns.results.values()), timeout=timeout_s)
            return _gathered(turns.results, queries, documents, timeout_s)
        finally:
            turns.stop()

    def _start(self, turns: Turns, sources: Iterable[PictureSource], timeout_s: float) -> None:
        away: dict[str, None] = {}
        here: dict[str, None] = {}
        for source in sources:
            if isinstance(source, InvalidPicture):
                continue
            (away if self._fetch is not None and is_address(source) else here)[source] = None
        turns.add(away, self._fetchers, timeout_s)
        turns.add(here, self._decoders, timeout_s)

    def _fetched(self, address: str, timeout_s: float) -> Result:
        assert self._fetch is not None  # noqa: S101 - nothing else is submitted
        try:
            content = self._fetch(address, timeout_s)
        except RerankerError as error:
            return error
        return self._decoding.submit(self._decoded, lambda: content).result()

    def _attempt(self, source: str, _timeout_s: float) -> Result:
        return self._decoded(lambda: inline_content(source, self._max_bytes))

    def _decoded(self, content: Callable[[], bytes]) -> Result:
        try:
            return self._decode(content())
        except RerankerError as error:
            return error


def _work(source: str) -> float:
    return _SMALLEST + len(source)


def _gathered(
    started: Mapping[str, Future[Result]], queries: Sources, documents: Sources, timeout_s: float
) -> Pictures:
    late = PictureUnavailable(
        f"The picture was not there after {timeout_s:.3g} s; what is left of the request's time is for the others.",
        remedy="Send the picture itself, or wait longer.",
    )
    found = {source: future.result() if future.done() else late for source, future in started.items()}

    def result(source: PictureSource) -> Result:
        return source if isinstance(source, InvalidPicture) else found[source]

    return Pictures(
        {place: _of_query(result(source)) for place, source in queries.items()},
        {place: result(source) for place, source in documents.items()},
    )


def _of_query(result: Result) -> Result:
    """An error says that it is the query's."""
    if not isinstance(result, RerankerError):
        return result
    return type(result)(f"`query.image`: {result.message}", remedy=result.remedy)
