"""How often a regular expression may have to go back on a text, bounded without letting it try.

The library's engine backtracks: it tries again with less wherever what follows does not match, and nothing stops it
within a text. One repetition that can be taken back costs as many attempts as a text is long, two in a row the square
of that, and a repetition within a repetition doubles them with each character.

The syntax is Oniguruma's, as far as it says what repeats; what is not known here is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tokenizers import Tokenizer

from ..checkpoint_json import USE_PUBLISHED
from ..errors import CorruptFile
from .components import steps

MAX_PATTERN_CHARACTERS = 4096
"""Longest expression; the longest that are published have about 500 characters."""

MAX_GROUPS = 100
"""Most groups in an expression, which may stand in each other."""

MAX_REPETITIONS = 1
"""Most repetitions without a bound that one attempt may take back; published expressions have no more."""

MAX_CHOICES = 32
"""Most ways that bounded repetitions and alternatives leave at one place of a text; published ones leave a dozen."""

_UNBOUNDED = 10**9
_ATOM = re.compile(r"\\[pPxuko](?:\{[^}]*\}|<[^>]*>)?|\\x?.|[^\\]", re.DOTALL)
_OPENING = re.compile(r"\(\?(?:#[^)]*\)|[imWDSPy{}ga-]+\)|(?P<look>=|!|<=|<!|>)|[imWDSPy{}ga-]*:|<\w+>|'\w+')|\((?!\?)")
_QUANTIFIER = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<least>\d*)(?P<comma>,)?(?P<most>\d*)\})(?P<mode>[?+])?")


def refuse_backtracking(tokenizer: Tokenizer) -> None:
    """Refuse a tokenizer with an expression over which a text could take for ever.

    Raises:
        CorruptFile: If there is one; names the part and the expression.
    """
    parts = {
        "normalizer": steps(tokenizer.normalizer, "normalizers"),
        "pre_tokenizer": steps(tokenizer.pre_tokenizer, "pretokenizers"),
        "decoder": steps(tokenizer.decoder, "decoders"),
    }
    for part, found in parts.items():
        for step in found:
            pattern = _expression(step)
            if pattern is not None and (reason := why_endless(pattern)) is not None:
                raise CorruptFile(
                    f"tokenizer.json: {part} has the expression {_shortened(pattern)!r}, {reason}; a text could hold "
                    "the server for ever.",
                    remedy=USE_PUBLISHED,
                )


def why_endless(pattern: str) -> str | None:
    """Say what lets an expression go back too often, or None where it cannot."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return f"which has {len(pattern)} characters; at most {MAX_PATTERN_CHARACTERS} are run"
    if pattern.count("(") > MAX_GROUPS:
        return f"which has {pattern.count('(')} groups; at most {MAX_GROUPS} are run"
    try:
        cost = _Reader(pattern).read().cost(is_followed=False)
    except _UnknownSyntaxError as error:
        return f"which has {error} that is not run here"
    if cost.repetitions > MAX_REPETITIONS:
        return "which has repetitions within or after each other that can be taken back"
    if cost.choices > MAX_CHOICES:
        return f"which can match in more than {MAX_CHOICES} ways at one place"
    return None


def _expression(step: Mapping[str, Any]) -> str | None:
    pattern = step.get("pattern")
    found = pattern.get("Regex") if isinstance(pattern, Mapping) else None
    return found if isinstance(found, str) else None


def _shortened(pattern: str) -> str:
    return pattern if len(pattern) <= 60 else f"{pattern[:60]}..."  # noqa: PLR2004 - what fits into a line of a log


class _UnknownSyntaxError(Exception):
    """A construct of which nobody here knows what it repeats."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Attempts at one place of a text: its length to the power of `repetitions`, times `choices`."""

    repetitions: int = 0
    choices: int = 1

    def then(self, other: _Cost) -> _Cost:
        return _Cost(self.repetitions + other.repetitions, min(self.choices * other.choices, _UNBOUNDED))


class _Node(Protocol):
    """A part of an expression."""

    @property
    def can_fail(self) -> bool:
        """Whether a text could lack it, so that what stands before it is tried otherwise."""
        ...

    def cost(self, *, is_followed: bool) -> _Cost:
        """Count the attempts; what nothing follows that can fail is never taken back."""
        ...


@dataclass(frozen=True, slots=True)
class _Character:
    """One character of a kind, or a place such as the end of a word."""

    can_fail: bool = True

    def cost(self, *, is_followed: bool) -> _Cost:  # noqa: ARG002 - the same for all nodes
        return _Cost()


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]

    @property
    def can_fail(self) -> bool:
        return any(part.can_fail for part in self.parts)

    def cost(self, *, is_followed: bool) -> _Cost:
        total = _Cost()
        for part in reversed(self.parts):
            total = total.then(part.cost(is_followed=is_followed))
            is_followed = is_followed or part.can_fail
        return total


@dataclass(frozen=True, slots=True)
class _Alternatives:
    options: tuple[_Node, ...]

    @property
    def can_fail(self) -> bool:
        return all(option.can_fail for option in self.options)

    def cost(self, *, is_followed: bool) -> _Cost:
        costs = [option.cost(is_followed=is_followed) for option in self.options]
        choices = sum(cost.choices for cost in costs) if is_followed else max(cost.choices for cost in costs)
        return _Cost(max(cost.repetitions for cost in costs), choices)


@dataclass(frozen=True, slots=True)
class _Atomic:
    """A look at what is around, or a group of which nothing is taken back once it has matched."""

    body: _Node
    can_fail: bool = True

    def cost(self, *, is_followed: bool) -> _Cost:  # noqa: ARG002 - nothing is taken back
        return self.body.cost(is_followed=False)


@dataclass(frozen=True, slots=True)
class _Repeated:
    body: _Node
    least: int
    most: int

    @property
    def can_fail(self) -> bool:
        return self.least > 0 and self.body.can_fail

    def cost(self, *, is_followed: bool) -> _Cost:
        once = self.body.cost(is_followed=is_followed or (self.least > 1 and self.body.can_fail))
        if not is_followed:
            repeats = self.least if once != _Cost() else 1
            return self._times(once, max(1, repeats))
        if self.most == _UNBOUNDED:
            return once.then(_Cost(1)) if once == _Cost() else _Cost(_UNBOUNDED)
        total = self._times(once, self.most)
        return total.then(_Cost(choices=self.most - self.least + 1))

    def _times(self, once: _Cost, repeats: int) -> _Cost:
        if once.choices > 1 and repeats > MAX_CHOICES:
            return _Cost(once.repetitions * repeats, _UNBOUNDED)
        return _Cost(once.repetitions * repeats, once.choices**repeats if once.choices > 1 else 1)


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def read(self) -> _Node:
        node = self._alternatives()
        if self._at < len(self._pattern):
            raise _UnknownSyntaxError("an unpaired bracket")
        return node

    def _alternatives(self) -> _Node:
        options = [self._sequence()]
        while self._pattern.startswith("|", self._at):
            self._at += 1
            options.append(self._sequence())
        return options[0] if len(options) == 1 else _Alternatives(tuple(options))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            node = self._atom()
            while (found := self._quantifier()) is not None:
                least, most, mode = found
                node = _Repeated(node, least, most)
                if mode == "+":
                    node = _Atomic(node, can_fail=node.can_fail)
            parts.append(node)
        return _Sequence(tuple(parts))

    def _quantifier(self) -> tuple[int, int, str | None] | None:
        found = _QUANTIFIER.match(self._pattern, self._at)
        if found is None or found[0] in ("{}", "{,}"):
            return None
        sign, mode = found["sign"], found["mode"]
        if sign is not None:
            self._at = found.end()
            return int(sign == "+"), 1 if sign == "?" else _UNBOUNDED, mode
        # After braces a plus repeats once more, and a question mark makes the whole optional or lazy.
        self._at = found.end() - len(mode or "")
        least = int(found["least"] or 0)
        most = int(found["most"] or _UNBOUNDED) if found["comma"] else least
        return least, max(least, most), None

    def _atom(self) -> _Node:
        if self._pattern[self._at] == "(":
            return self._group()
        if self._pattern[self._at] == "[":
            self._skip_class()
            return _Character()
        found = _ATOM.match(self._pattern, self._at)
        if found is None or found[0].startswith(r"\g"):
            raise _UnknownSyntaxError("a call of a group" if found else "an unfinished escape")
        self._at = found.end()
        return _Character()

    def _group(self) -> _Node:
        found = _OPENING.match(self._pattern, self._at)
        if found is None:
            raise _UnknownSyntaxError(f"a group {self._pattern[self._at : self._at + 4]!r}")
        self._at = found.end()
        if found[0].endswith(")"):
            return _Character(can_fail=False)
        body = self._alternatives()
        if not self._pattern.startswith(")", self._at):
            raise _UnknownSyntaxError("an unpaired bracket")
        self._at += 1
        return _Atomic(body) if found["look"] else body

    def _skip_class(self) -> None:
        """Step over `[...]`, in which others may stand."""
        depth = 0
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            if character == "\\":
                self._at += 1
            elif character == "[":
                depth += 1
                # A bracket that stands first, perhaps after a caret, is one of the characters.
                self._at += len(re.match(r"\^?\]?", self._pattern[self._at + 1 :])[0])  # type: ignore[index] # matches
            elif character == "]":
                depth -= 1
            self._at += 1
            if depth == 0:
                return
        raise _UnknownSyntaxError("an unpaired bracket")
