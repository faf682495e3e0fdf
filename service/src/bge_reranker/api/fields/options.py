"""Fields that say how to rank and what to answer: numbers, truth values, choices, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from typing_extensions import override

from ...engine.origin import LEAST_PRIORITY
from ...errors import InvalidField
from ..schema import FLAG, WHOLE, Schema, at_least, one_of, optional
from ..texts import kind_of
from .declaration import Body, Field

C = TypeVar("C", bound=str)

_SHOWN_CHARACTERS = 40
"""Most characters of a caller's value that an error repeats; keys and small values only, never a document."""

_BEYOND = 2**63
"""Whole numbers from here on mean nothing in any field."""


class Integer(Field[int | None]):
    """A whole number, or None where absent.

    Args:
        description: As of every field.
        minimum: Least value, where there is one.
        key: As of every field.
        shown: As of every field.
    """

    def __init__(
        self, description: str = "", *, minimum: int | None = None, key: str = "", shown: Schema | None = None
    ) -> None:
        super().__init__(description, key=key, shown=shown)
        self._minimum = minimum

    @override
    def read(self, body: Body, value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            found = value if isinstance(value, float) else kind_of(value)
            raise InvalidField(f"{body.named(self.key)} must be a whole number, not {found}.")
        if abs(value) >= _BEYOND:
            raise InvalidField(f"{body.named(self.key)} needs more than 64 bits.", remedy="Send a smaller number.")
        if self._minimum is not None and value < self._minimum:
            raise InvalidField(
                f"{body.named(self.key)} is {value}; it must be at least {self._minimum}.", remedy="Or leave it out."
            )
        return value

    @override
    def schema(self) -> Schema:
        return WHOLE if self._minimum is None else at_least(self._minimum)


class Limit(Integer):
    """A count that must not be negative; zero and absence mean no limit."""

    def __init__(self, description: str = "") -> None:
        super().__init__(description, minimum=0)

    @override
    def read(self, body: Body, value: Any) -> int | None:
        return super().read(body, value) or None


class Priority(Field[int]):
    """How urgent a request is: lower numbers are served first, 0 where absent.

    Args:
        most: Most urgent one; families that allow any number have what lies beyond it counted as this.
        is_bounded: Whether numbers beyond the bounds are refused.
    """

    def __init__(self, most: int = 0, *, is_bounded: bool = True) -> None:
        super().__init__("How urgent the request is: lower numbers are served first, 0 where absent.")
        self._most = most
        self._number = Integer(key="priority")
        self._is_bounded = is_bounded

    @override
    def read(self, body: Body, value: Any) -> int:
        number = self._number.read(body, value) or 0
        if self._is_bounded and not self._most <= number <= LEAST_PRIORITY:
            raise InvalidField(
                f"{body.named(self.key)} is {number}; it must be between {self._most} and {LEAST_PRIORITY}.",
                remedy="Lower numbers are served first; leave it out for 0.",
            )
        return min(LEAST_PRIORITY, max(self._most, number))

    @override
    def schema(self) -> Schema:
        if not self._is_bounded:
            return WHOLE
        return optional({"type": "integer", "minimum": self._most, "maximum": LEAST_PRIORITY})


class TopN(Integer):
    """How many results are wanted; None means all, and so does a number below one unless there is a `minimum`."""

    @override
    def read(self, body: Body, value: Any) -> int | None:
        number = super().read(body, value)
        return None if number is None or number <= 0 else number


class OptionalFlag(Field[bool | None]):
    """A truth value, or None where absent; the strings "true" and "false" count, since some clients send them."""

    @override
    def read(self, body: Body, value: Any) -> bool | None:
        return _truth(body, self.key, value)

    @override
    def schema(self) -> Schema:
        return FLAG


def _truth(body: Body, key: str, value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise InvalidField(f"{body.named(key)} must be true or false, not {kind_of(value)}.")


class Flag(Field[bool]):
    """As `OptionalFlag`, with what absence means.

    Args:
        description: As of every field.
        default: What it is where absent.
        key: As of every field.
    """

    def __init__(self, description: str = "", *, default: bool = False, key: str = "") -> None:
        super().__init__(description, key=key)
        self._default = default

    @override
    def read(self, body: Body, value: Any) -> bool:
        flag = _truth(body, self.key, value)
        return self._default if flag is None else flag

    @override
    def schema(self) -> Schema:
        return FLAG


class Choice(Field[C | None]):
    """One of a few words in any case; in lower case, or None where absent.

    Args:
        choices: The words, as an error names them.
        description: As of every field.
    """

    def __init__(self, choices: Sequence[str], description: str = "") -> None:
        super().__init__(description)
        self._choices = choices
        self._known = frozenset(map(str.lower, choices))

    @override
    def read(self, body: Body, value: Any) -> C | None:
        if value is None:
            return None
        if isinstance(value, str) and value.lower() in self._known:
            return cast("C", value.lower())
        found = repr(value[:_SHOWN_CHARACTERS]) if isinstance(value, str) else kind_of(value)
        raise InvalidField(f"{body.named(self.key)} is {found}; it must be one of: {', '.join(self._choices)}.")

    @override
    def schema(self) -> Schema:
        return one_of(*self._choices)


class Refused(Field[None]):
    """A key that must not be there, where ignoring it would be to misunderstand the request.

    Args:
        why: What is said about it.
        remedy: What to do instead.
    """

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__()
        self._why = why
        self._remedy = remedy

    @override
    def read(self, body: Body, value: Any) -> None:
        body.refuse(self.key, self._why, self._remedy)

    @override
    def schema(self) -> Schema:
        return {"type": "null"}
