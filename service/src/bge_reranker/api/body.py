"""Reading requests' bodies: content type, size, patience, JSON, and what all of them may hold together.

What belongs here: everything before a dialect sees the body. What must not: any field's meaning.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import orjson
from starlette.requests import ClientDisconnect, Request

from ..errors import BodyTooLarge, CallerGone, InvalidBody, QueueFull, RequestTimedOut, UnsupportedMediaType
from ..settings import HttpSettings
from .collection import CollectionPause
from .record import record_of
from .wide_integers import may_hold_wide_integer, whole_number

OFF_LOOP_BYTES = 256_000
"""Bodies above this many bytes are parsed in a thread: parsing them takes milliseconds, which others would wait."""

_MOST_CONTAINERS: Final = 1_000_000
"""Most lists and objects in a body, however few bytes they have: 15 MB of lists in lists became 600 MB of memory, and
everybody else waited for seconds."""

_CONTAINERS_PER_DOCUMENT: Final = 4
"""As many are allowed in any case for each document that a request may have."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some clients on Windows put before a text in UTF-8; it is no JSON, and means nothing."""

_PAUSE: Final = CollectionPause()
"""Of all bodies together: there is one collector in a process."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Bodies:
    """The bodies of all requests under way.

    Args:
        limits: Bytes of one and of all, and the time that one may take to arrive.
        executor: Where large bodies are parsed.
    """

    def __init__(self, limits: HttpSettings, executor: Executor) -> None:
        self._limits = limits
        self._executor = executor
        self._held_bytes = 0

    async def read(self, request: Request) -> dict[str, Any]:
        """Read and parse a body that must be a JSON object; it counts until its answer has been taken or is an error.

        Not only until there is an answer: most of a body may go back with it, to a client that takes it slowly.

        Raises:
            UnsupportedMediaType: If a content type is given that is not JSON.
            BodyTooLarge: If the body, announced or real, has more bytes than one may have.
            QueueFull: If all bodies would have more than they may have together.
            RequestTimedOut: If it does not arrive in time.
            CallerGone: If the client hangs up before the end.
            InvalidBody: If it is not a JSON object.
        """
        _check_content_type(request.headers.get("content-type"))
        _check_content_encoding(request.headers.get("content-encoding"))
        take = record_of(request).held.enter_context(self._share())
        parsed = await self._parsed(await self._receive(request, take))
        if not isinstance(parsed, dict):
            raise InvalidBody(
                "The body must be a JSON object.", remedy="GET /openapi.json has an example of each dialect."
            )
        return parsed

    @contextmanager
    def _share(self) -> Iterator[Callable[[int], None]]:
        """Yield what asks for so many bytes more, all of which are free again afterwards."""
        share_bytes, most_bytes = 0, self._limits.max_bodies_bytes

        def take(more_bytes: int) -> None:
            nonlocal share_bytes
            if self._held_bytes + more_bytes > most_bytes:
                raise QueueFull(
                    f"The bodies of all requests under way have {self._held_bytes} bytes; the limit is {most_bytes}.",
                    remedy="Try again in a second, send fewer documents at a time, or raise the server's "
                    "maxBodiesBytes.",
                    retry_after_s=1,
                )
            self._held_bytes += more_bytes
            share_bytes += more_bytes

        try:
            yield take
        finally:
            self._held_bytes -= share_bytes

    async def _receive(self, request: Request, take: Callable[[int], None]) -> bytearray:
        max_bytes, timeout_s = self._limits.max_body_bytes, self._limits.body_timeout_s
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > max_bytes:
            raise _too_large(f"{announced} bytes", max_bytes)
        content = bytearray()
        try:
            async with asyncio.timeout(timeout_s):
                async for chunk in request.stream():
                    # Not what is announced: whoever announced much and sent nothing would keep all others out.
                    take(len(chunk))
                    content += chunk
                    if len(content) > max_bytes:
                        raise _too_large("more", max_bytes)
        except TimeoutError:
            raise RequestTimedOut(
                f"The body did not arrive within {timeout_s:g} s ({len(content)} bytes came).",
                remedy="Send it faster, or raise the server's bodyTimeoutS.",
            ) from None
        except ClientDisconnect:
            raise CallerGone("The client hung up while sending its body.") from None
        return content

    async def _parsed(self, content: bytearray) -> Any:
        if len(content) > OFF_LOOP_BYTES:
            most = max(_MOST_CONTAINERS, _CONTAINERS_PER_DOCUMENT * self._limits.max_documents)
            return await asyncio.get_running_loop().run_in_executor(self._executor, parse_large, content, most)
        return _parse(content)


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


def parse_large(content: bytearray, most_containers: int = _MOST_CONTAINERS) -> Any:
    """Parse a body of any size, in a thread, at a cost to others that its size bounds.

    Every few hundred lists that a parser makes, the collector walks over those made before, while everybody else waits:
    reading a million lists takes 0.5 s with it, and 0.15 s without.

    Args:
        content: The body.
        most_containers: Lists and objects that it may have.

    Raises:
        InvalidBody: If it is not JSON, or has more of them.
    """
    found = _containers(content)
    if found > most_containers:
        # Texts may be full of brackets, and those of code are.
        found = _containers_outside_texts(content)
    if found > most_containers:
        raise InvalidBody(
            f"The body has {found} lists and objects; the limit is {most_containers}.",
            remedy="Send documents that are less nested, or fewer at a time.",
        )
    with _PAUSE.hold():
        return _parse(content)


def _containers(content: bytes | bytearray) -> int:
    return content.count(b"[") + content.count(b"{")


def _containers_outside_texts(content: bytearray) -> int:
    # Not by a regular expression: over 16 MB of short texts, everybody else waited for it for a second.
    plain = np.frombuffer(content.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    is_text = np.logical_xor.accumulate(plain == ord('"'))
    is_bracket = (plain == ord("[")) | (plain == ord("{"))
    return int(np.count_nonzero(is_bracket & ~is_text))


class _UnreadableNumberError(ValueError):
    """A number that the reader refuses; its message holds nothing of the body."""


def _parse(content: bytearray) -> Any:
    if content.startswith(_BYTE_ORDER_MARK):
        del content[: len(_BYTE_ORDER_MARK)]
    if not may_hold_wide_integer(content):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            # orjson refuses lone surrogates, which Python's own parser lets through; only those deserve a second look.
            if b"\\u" not in content and b"\\U" not in content:
                raise _invalid(error) from None
    try:
        parsed = json.loads(content, parse_constant=_refuse_constant, parse_int=_whole_number)
        return _without_lone_surrogates(parsed)
    except (ValueError, OverflowError, RecursionError) as error:
        raise _invalid(error) from None


def _refuse_constant(name: str) -> Any:
    raise _UnreadableNumberError(f"{name} is not JSON")


def _whole_number(digits: str) -> int:
    try:
        return whole_number(digits)
    except ValueError:
        raise _UnreadableNumberError(f"a whole number has {len(digits)} digits; the limit is 4300") from None


_REASONS: Final[Mapping[type[Exception], str]] = {
    RecursionError: "it is nested too deeply",
    UnicodeDecodeError: "it is not UTF-8",
}
"""Reasons of errors that are not the parser's own."""


def _invalid(error: Exception) -> InvalidBody:
    # The parser's message holds a position and a reason, never the text around it.
    is_told = isinstance(error, (json.JSONDecodeError, orjson.JSONDecodeError, _UnreadableNumberError))
    reason = str(error) if is_told else _REASONS.get(type(error), type(error).__name__)
    if "UTF-8" in reason:
        return InvalidBody(
            "The body is not JSON: it is not valid UTF-8.", remedy="Send it in UTF-8, whatever the charset."
        )
    return InvalidBody(f"The body is not valid JSON: {reason}.")


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, Mapping):
        return {_without_lone_surrogates(key): _without_lone_surrogates(item) for key, item in value.items()}
    return value
