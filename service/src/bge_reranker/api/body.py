"""Reading requests' bodies: content type, size, patience, JSON, and what all of them may hold together."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from ..errors import (
    BodyTooLarge,
    CallerGone,
    InvalidBody,
    QueueFull,
    RateLimited,
    RequestTimedOut,
    UnsupportedMediaType,
)
from ..settings import HttpSettings
from .exchange import RequestRecord, record_of
from .pace import Pace
from .parsing import Keys, parse, parse_large
from .weight import BYTES_PER_DOCUMENT, values_in, weight_bytes

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""What some clients on Windows put before a text in UTF-8; it is no JSON, and means nothing."""

OFF_LOOP_BYTES = 256_000
"""Bodies above this many bytes are parsed in a thread: parsing them takes milliseconds, which others would wait."""

LARGE_BODIES_BYTES_PER_S = 64_000_000
"""Bytes a second at which the large parts of all bodies together are received: far more than a scorer can read, and
little of a processor's time."""

_MOST_VALUES: Final = 400_000
"""Most values and keys in a body, however few bytes they have."""

_VALUES_PER_DOCUMENT: Final = 40
"""As many are allowed in any case for each document that a request may have."""

_BYTES_PER_PLAIN_VALUE: Final = 32
"""Bytes for each value from which a body's are not counted exactly, but with the commas in its texts: prose has one in
a hundred."""

_MOST_PLAIN_VALUES: Final = 1_000
"""As many are not counted exactly in any body: it would take longer than parsing them."""

_KEPT_SHARE: Final = 8
"""Bodies together may weigh no more than what is left beside this part of the limit, which is kept for small requests:
a few large bodies that arrive slowly, or whose answers are taken slowly, would keep everybody out."""

_SMALL_SHARE: Final = 128
"""A request is small that weighs no more than this part of the limit: 2 MiB, unless set."""


class Bodies:
    """The bodies of all requests under way.

    Args:
        limits: Bytes of one and of all, and the time that one may take to arrive.
        executor: Where large bodies are parsed.
        keys: Keys of bodies, by what is done with their values.
        max_caller_bytes: What the bodies of one caller may weigh together; None for as much as all.
    """

    def __init__(
        self, limits: HttpSettings, executor: Executor, keys: Keys, max_caller_bytes: int | None = None
    ) -> None:
        self._limits = limits
        self._max_caller_bytes = max_caller_bytes
        self._executor = executor
        self._keys = keys
        self._held_bytes = 0
        self._held_by: dict[str, int] = {}
        # One large body at a time: the threads are there for the texts of everybody.
        self._reading = asyncio.Semaphore(1)
        self._pace = Pace(LARGE_BODIES_BYTES_PER_S)

    async def read(self, request: Request) -> dict[str, Any]:
        """Read and parse a body that must be a JSON object; it counts until its answer has been taken or is an error.

        Not only until there is an answer: most of a body may go back with it, to a client that takes it slowly.

        Raises:
            UnsupportedMediaType: If a content type is given that is not JSON.
            BodyTooLarge: If the body, announced or real, has more bytes than one may have.
            QueueFull: If all bodies would weigh more than they may together.
            RateLimited: If those of its caller would.
            RequestTimedOut: If it does not arrive in time.
            CallerGone: If the client hangs up before the end.
            InvalidBody: If it is not a JSON object, or has too many values.
        """
        _check_content_type(request.headers.get("content-type"))
        _check_content_encoding(request.headers.get("content-encoding"))
        content = await self._receive(request)
        parsed = await self._parsed(request, content)
        if not isinstance(parsed, dict):
            raise InvalidBody(
                "The body must be a JSON object.", remedy="GET /openapi.json has an example of each dialect."
            )
        return parsed

    def hold_documents(self, request: Request, documents: int) -> None:
        """Count what a request's documents come to besides their texts.

        Raises:
            QueueFull: If all bodies would weigh more than they may together.
        """
        self._hold(record_of(request), BYTES_PER_DOCUMENT * documents)

    def _hold(self, record: RequestRecord, more_bytes: int) -> None:
        """Count so much more for a request, until its answer has been taken or is an error."""
        self._check_caller(record, more_bytes)
        others_bytes, most_bytes = self._held_bytes - record.held_bytes, self._limits.max_bodies_bytes
        if record.held_bytes + more_bytes > most_bytes // _SMALL_SHARE:
            most_bytes -= most_bytes // _KEPT_SHARE
        # One alone is always taken: it has its own limits, of bytes and of values.
        if others_bytes and self._held_bytes + more_bytes > most_bytes:
            raise QueueFull(
                f"The bodies of all requests under way weigh {self._held_bytes} bytes; "
                f"the limit for one of this size is {most_bytes}.",
                remedy="Try again in a second, send fewer documents at a time, or raise the server's maxBodiesBytes.",
                retry_after_s=1,
            )
        if not record.held_bytes:
            record.held.callback(self._release, record)
        self._held_bytes += more_bytes
        record.held_bytes += more_bytes
        self._held_by[record.party] = self._held_by.get(record.party, 0) + more_bytes

    def _check_caller(self, record: RequestRecord, more_bytes: int) -> None:
        held_bytes, most_bytes = self._held_by.get(record.party, 0), self._max_caller_bytes
        if most_bytes is None or held_bytes == record.held_bytes or held_bytes + more_bytes <= most_bytes:
            return
        raise RateLimited(
            f"The bodies of this caller's requests under way weigh {held_bytes} bytes; the limit is {most_bytes}.",
            remedy="Wait for answers before you send more, or raise the server's maxCallerBodiesBytes.",
            retry_after_s=1,
        )

    def _release(self, record: RequestRecord) -> None:
        self._held_bytes -= record.held_bytes
        left_bytes = self._held_by.pop(record.party, 0) - record.held_bytes
        if left_bytes:
            self._held_by[record.party] = left_bytes
        record.held_bytes = 0

    async def _receive(self, request: Request) -> bytearray:
        record = record_of(request)
        max_bytes, timeout_s = self._limits.max_body_bytes, self._limits.body_timeout_s
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > max_bytes:
            raise _too_large(f"{announced} bytes", max_bytes)
        content = bytearray()
        try:
            async with asyncio.timeout(timeout_s) as patience:
                async for chunk in request.stream():
                    # Not what is announced: whoever announced much and sent nothing would keep all others out.
                    self._hold(record, len(chunk))
                    content += chunk
                    if len(content) > max_bytes:
                        raise _too_large("more", max_bytes)
                    if len(content) > OFF_LOOP_BYTES:
                        wait_s = self._pace.wait_s(len(chunk), time.monotonic())
                        # It is not the client that takes this time.
                        patience.reschedule((patience.when() or 0) + wait_s)
                        await asyncio.sleep(wait_s)
        except TimeoutError:
            raise RequestTimedOut(
                f"The body did not arrive within {timeout_s:g} s ({len(content)} bytes came).",
                remedy="Send it faster, or raise the server's bodyTimeoutS.",
            ) from None
        except ClientDisconnect:
            raise CallerGone("The client hung up while sending its body.") from None
        if content.startswith(_BYTE_ORDER_MARK):
            del content[: len(_BYTE_ORDER_MARK)]
        return content

    async def _parsed(self, request: Request, content: bytearray) -> Any:
        """Parse a body, after what it comes to has been counted instead of its bytes."""
        record = record_of(request)
        most_values = max(_MOST_VALUES, _VALUES_PER_DOCUMENT * self._limits.max_documents)
        if len(content) <= OFF_LOOP_BYTES:
            self._hold(record, weigh(content, most_values) - len(content))
            return parse(content)
        loop = asyncio.get_running_loop()
        async with self._reading:
            weight_bytes = await loop.run_in_executor(self._executor, weigh, content, most_values)
            self._hold(record, weight_bytes - len(content))
            max_items = self._limits.max_documents
            return await loop.run_in_executor(self._executor, parse_large, content, self._keys, max_items)


def _check_content_type(content_type: str | None) -> None:
    # Some clients (Weaviate) send none; that is fine. curl -d says form data, which deserves a hint.
    if content_type is None:
        return
    kind = content_type.split(";", 1)[0].strip().lower()
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return
    raise UnsupportedMediaType(
        f"The content type {kind[:60]!r} is not JSON.", remedy="Send the header `Content-Type: application/json`."
    )


def _check_content_encoding(encoding: str | None) -> None:
    # A compressed body could unpack to any size; nobody sends one today.
    if encoding is not None and encoding.strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaType(
            f"The content encoding {encoding[:60]!r} is not supported.", remedy="Send the body uncompressed."
        )


def _too_large(found: str, max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The body has {found}; the limit is {max_bytes} bytes.",
        remedy="Send fewer documents at a time, or raise the server's maxBodyBytes.",
    )


def weigh(content: bytearray, most_values: int) -> int:
    """Tell what a body comes to in memory, in bytes.

    Args:
        content: The body.
        most_values: Values and keys that it may have.

    Raises:
        InvalidBody: If it has more.
    """
    plain_values = max(_MOST_PLAIN_VALUES, len(content) // _BYTES_PER_PLAIN_VALUE)
    values = values_in(content, exact_above=min(most_values, plain_values), enough=most_values)
    if values > most_values:
        raise InvalidBody(
            f"The body has more than {most_values} values and keys, which is the limit.",
            remedy="Send fewer documents at a time, without fields that are not ranked.",
        )
    return weight_bytes(content, values)
