"""Parsing bodies: small ones at once, large ones in parts, so that nobody else waits for long."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from ..errors import InvalidBody, TooManyDocuments
from .gc_pause import GcPause
from .weight import items_in, values_in
from .wide_integers import may_hold_wide_integer, whole_number

MOST_VALUES_AT_ONCE: Final = 50_000
"""Most values and keys in one document of a large body, or in one value that is no list: they are parsed while
everybody else waits, for some milliseconds."""

_PLAIN_BYTES: Final = 50_000
"""Bytes up to which a part of a large body is parsed uncounted, whoever reads it."""

_PARSED_AT_ONCE_S: Final = 0.0005
"""Seconds after which a thread that parses lets everybody else go on."""

_LET_OTHERS_GO_ON_S: Final = 0.001
"""Seconds that it then sleeps: whoever only offers the interpreter's lock has it back before others have woken."""

_PAUSE: Final = GcPause()
"""Of all bodies together: there is one collector in a process."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_OBJECT: Final = re.compile(rb"[ \t\n\r]*\{")

_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANYTHING: Final = msgspec.json.Decoder(msgspec.Raw)
"""Only checks."""

_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Keys(NamedTuple):
    """Keys of bodies, by what is done with their values."""

    read: frozenset[str]
    """Those that somebody reads."""

    counted: frozenset[str] = frozenset()
    """Those of lists that are refused where they have more items than a request may have documents."""

    nested: frozenset[str] = frozenset()
    """Those of lists of objects with such keys of their own."""


class _UnreadableNumberError(ValueError):
    """A number that the reader refuses; its message holds nothing of the body."""


def parse(content: bytes | bytearray, place: str = "The body") -> Any:
    """Parse a body of few bytes, or a part of a body.

    Args:
        content: JSON.
        place: What an error calls it.

    Raises:
        InvalidBody: If it is not JSON.
    """
    if not may_hold_wide_integer(content):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            # orjson refuses lone surrogates, which Python's own parser lets through; only those deserve a second look.
            if b"\\u" not in content and b"\\U" not in content:
                raise _invalid(error, place) from None
    try:
        parsed = _LENIENT.decode(content.decode())
        return _without_lone_surrogates(parsed) if b"\\u" in content else parsed
    except (ValueError, OverflowError, RecursionError) as error:
        raise _invalid(error, place) from None


def parse_large(content: bytes | bytearray, keys: Keys, max_items: int) -> Any:
    """Parse a body of many bytes, in a thread, while others go on.

    Args:
        content: The body.
        keys: What is done with its values; of those that nobody reads only small ones are in the result.
        max_items: Most documents that a request may have. A counted list of more has None for each of its items.

    Raises:
        InvalidBody: If it is not JSON, or a document has too many values.
        TooManyDocuments: If a list that is not counted has far more items than there may be documents.

    Returns:
        The object, or None if the body is no object.
    """
    # Every few hundred lists that a parser makes, the collector walks over those made before, while everybody waits.
    with _PAUSE.hold():
        try:
            if _OBJECT.match(content) is None:
                _ANYTHING.decode(content)
                return None
            parts = _PARTS.decode(content)
        except (msgspec.DecodeError, RecursionError) as error:
            # It may only have lone surrogates: the other parser decides.
            return _parse_counted("The body", content, error)
        return _LargeBody(keys, max_items).values(parts)


class _LargeBody:
    """A large body, part by part.

    Args:
        keys: What is done with its values.
        max_items: Most items of a counted list.
    """

    def __init__(self, keys: Keys, max_items: int) -> None:
        self._keys = keys
        self._max_items = max_items
        self._turns = _Turns()

    def values(self, parts: Mapping[str, msgspec.Raw], prefix: str = "") -> dict[str, Any]:
        """The values of an object, as far as they are read or small.

        Args:
            parts: The object.
            prefix: What goes before a key in an error.
        """
        return {
            key: self._value(key, prefix, bytes(part))
            for key, part in parts.items()
            if key in self._keys.read or len(memoryview(part)) <= _PLAIN_BYTES
        }

    def _value(self, key: str, prefix: str, content: bytes) -> Any:
        self._turns.pass_on()
        # Keys that nobody reads may be anything, and any length.
        place = f"`{prefix}{key}`" if key in self._keys.read else "A value that is not read"
        if len(content) <= _PLAIN_BYTES or not content.startswith(b"["):
            return _parse_counted(place, content)
        count, most = items_in(content), max(self._max_items, MOST_VALUES_AT_ONCE)
        if key in self._keys.counted and count > self._max_items:
            # Its dialect refuses it by its count, in its own words, and whatever its items are.
            return [None] * count
        if count > most:
            raise TooManyDocuments(f"{place} holds {count} items; the limit is {most}.", remedy="Send fewer.")
        return [self._item(key, f"{prefix}{key}[{index}]", item) for index, item in enumerate(_ITEMS.decode(content))]

    def _item(self, key: str, place: str, part: msgspec.Raw) -> Any:
        self._turns.pass_on()
        content = bytes(part)
        if key in self._keys.nested and content.startswith(b"{") and not _is_parsed_at_once(content):
            return self.values(_PARTS.decode(content), f"{place}.")
        return _parse_counted(f"`{place}`", content)


def _parse_counted(place: str, content: bytes | bytearray, otherwise: Exception | None = None) -> Any:
    """Parse what has few enough values to be parsed at once."""
    if _is_parsed_at_once(content):
        return parse(content, place)
    if otherwise is not None:
        raise _invalid(otherwise, place)
    raise InvalidBody(
        f"{place} has more than {MOST_VALUES_AT_ONCE} values and keys, which is the limit.",
        remedy="Send fewer documents at a time, without fields that are not ranked.",
    )


def _is_parsed_at_once(content: bytes | bytearray) -> bool:
    if len(content) <= _PLAIN_BYTES:
        return True
    values = values_in(content, exact_above=MOST_VALUES_AT_ONCE, enough=MOST_VALUES_AT_ONCE)
    return values <= MOST_VALUES_AT_ONCE


class _Turns:
    """Lets everybody else go on now and then."""

    def __init__(self) -> None:
        self._began_s = time.perf_counter()

    def pass_on(self) -> None:
        """Sleep a little if it has been long enough."""
        if time.perf_counter() - self._began_s > _PARSED_AT_ONCE_S:
            time.sleep(_LET_OTHERS_GO_ON_S)
            self._began_s = time.perf_counter()


def _refuse_constant(name: str) -> Any:
    raise _UnreadableNumberError(f"{name} is not JSON")


def _whole_number(digits: str) -> int:
    try:
        return whole_number(digits)
    except ValueError:
        raise _UnreadableNumberError(f"a whole number has {len(digits)} digits; the limit is 4300") from None


def _finite_number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        # The fast reader refuses it too; it would go back as null.
        raise _UnreadableNumberError("number is infinity when parsed as double")
    return value


_LENIENT: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_whole_number, parse_float=_finite_number)
"""Keeps wide integers whole, and lets lone surrogates through."""

_REASONS: Final[Mapping[type[Exception], str]] = {
    RecursionError: "it is nested too deeply",
    UnicodeDecodeError: "it is not UTF-8",
}
"""Reasons of errors that are not the parser's own."""

_PARSERS_OWN: Final = (json.JSONDecodeError, orjson.JSONDecodeError, msgspec.DecodeError, _UnreadableNumberError)
"""Their messages hold a position and a reason, never the text around it."""


def _invalid(error: Exception, place: str) -> InvalidBody:
    reason = str(error) if isinstance(error, _PARSERS_OWN) else _REASONS.get(type(error), type(error).__name__)
    if "UTF-8" in reason:
        return InvalidBody(
            f"{place} is not JSON: it is not valid UTF-8.", remedy="Send it in UTF-8, whatever the charset."
        )
    return InvalidBody(f"{place} is not valid JSON: {reason}.")


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, Mapping):
        return {_without_lone_surrogates(key): _without_lone_surrogates(item) for key, item in value.items()}
    return value
