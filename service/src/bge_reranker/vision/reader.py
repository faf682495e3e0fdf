"""Gets the pictures of a request and decodes them, several at a time and in threads of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from ..errors import PictureUnavailable, RerankerError
from .sources import FetchPicture, inline_content, is_address
from .turns import Pixels, Result, Turns

Decode = Callable[[bytes], Pixels]
"""Decodes a file, or raises one of our errors."""

_FETCHES: Final = 16
"""Pictures that are fetched at a time; they wait for others' servers most of the time."""

_DECODES: Final = 4
"""Most pictures that are decoded at a time: a large one takes hundreds of megabytes meanwhile."""

_FETCHES_OF_ONE: Final = 4
_DECODES_OF_ONE: Final = 1
"""Of one request at a time, so that its next picture stands behind those of everybody else who waits."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a request, read."""

    query: Pixels | None = None
    documents: Mapping[int, Pixels | RerankerError] = field(default_factory=dict)
    """By the document's place; what could not be read is its error."""


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
        self._fetching = ThreadPoolExecutor(_FETCHES, "fetch-picture")
        self._decoding = ThreadPoolExecutor(min(_DECODES, os.cpu_count() or 1), "decode-picture")

    def read(self, query: str | None, documents: Mapping[int, str], timeout_s: float) -> Pictures:
        """Get and decode pictures, equal ones once; for threads other than an event loop's.

        Args:
            query: Source of the query's, if it is one.
            documents: Sources of the documents that are, by place.
            timeout_s: Seconds after which a picture that is not there counts as unavailable.

        Raises:
            RequestError: If the query cannot be read.
        """
        started = self._start(query, documents)
        try:
            wait(started.results.values(), timeout_s)
            return _gathered(started.results, query, documents, timeout_s)
        finally:
            started.stop()

    async def read_async(self, query: str | None, documents: Mapping[int, str], timeout_s: float) -> Pictures:
        """Read as `read` does, without blocking the event loop; a cancelled task starts nothing more."""
        started = self._start(query, documents)
        try:
            await asyncio.wait(map(asyncio.wrap_future, started.results.values()), timeout=timeout_s)
            return _gathered(started.results, query, documents, timeout_s)
        finally:
            started.stop()

    def _start(self, query: str | None, documents: Mapping[int, str]) -> Turns:
        sources = dict.fromkeys([*([] if query is None else [query]), *documents.values()])
        away = [source for source in sources if self._fetch is not None and is_address(source)]
        here = [source for source in sources if source not in set(away)]
        turns = Turns()
        turns.add(away, self._fetched, self._fetching, _FETCHES_OF_ONE)
        turns.add(here, self._attempt, self._decoding, _DECODES_OF_ONE)
        return turns

    def _fetched(self, address: str) -> Result:
        assert self._fetch is not None  # noqa: S101 - nothing else is submitted
        try:
            content = self._fetch(address)
        except RerankerError as error:
            return error
        return self._decoding.submit(self._attempt, address, content).result()

    def _attempt(self, source: str, content: bytes | None = None) -> Result:
        try:
            return self._decode(inline_content(source, self._max_bytes) if content is None else content)
        except RerankerError as error:
            return error


def _gathered(
    started: Mapping[str, Future[Result]], query: str | None, documents: Mapping[int, str], timeout_s: float
) -> Pictures:
    late = PictureUnavailable(
        f"The picture was not there after {timeout_s:.3g} s; what is left of the request's time is for the others.",
        remedy="Send the picture itself, or wait longer.",
    )
    found = {source: future.result() if future.done() else late for source, future in started.items()}
    asked = None if query is None else found[query]
    if isinstance(asked, RerankerError):
        raise type(asked)(f"The query: {asked.message}", remedy=asked.remedy)
    return Pictures(asked, {index: found[source] for index, source in documents.items()})
