"""Training texts: FlagEmbedding's JSON lines, graded candidates, and what is wrong with each line that is neither."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from typing_extensions import override

from ..errors import RerankerError
from ..evaluation.cases import MAX_GRADE, RankingCase
from ..plain_numbers import finite_number
from ..text_files import SAVE_AS_UTF8, NotText, damage_of, decode_text, read_bytes

MAX_BAD_SHARE = 0.1
"""Share of bad lines from which on a file is taken for another kind of file."""

MIN_EXAMPLES = 10
"""Queries below which nothing can be learnt and held out besides."""

_SHOWN_REASONS = 50
_SHOWN_RANGES = 100
"""What is said of a file of another kind, each line of which is bad."""


class InvalidTrainingData(RerankerError):
    """Training texts cannot be used; the message names the file, the lines and what is wrong."""


class _BadLine(ValueError):
    """What is wrong with a line, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that is left out."""

    line: int
    reason: str

    @override
    def __str__(self) -> str:
        return f"line {self.line} {self.reason}"


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One query with its documents.

    Attributes:
        line: Its number in the file.
        query: Text of the query.
        grades: Relevance by document, 0 for not relevant.
        teacher: A teacher's score by document; empty where there is none.
    """

    line: int
    query: str
    grades: Mapping[str, int]
    teacher: Mapping[str, float]

    @property
    def positives(self) -> list[str]:
        """Relevant documents, in the order of the file."""
        return [document for document, grade in self.grades.items() if grade > 0]

    @property
    def negatives(self) -> list[str]:
        """The others."""
        return [document for document, grade in self.grades.items() if grade <= 0]

    def as_case(self) -> RankingCase:
        """The example as a judged query."""
        return RankingCase(self.query, self.grades)


@dataclass(frozen=True, slots=True)
class TrainingTexts:
    """What a file holds."""

    examples: Sequence[TrainingExample]
    problems: Sequence[LineProblem]

    sha256: str
    """Of the file, 64 hex digits."""


def read_examples(path: Path) -> TrainingTexts:
    """Read training texts, and collect what is wrong with single lines.

    A line is an object with `query` and either `pos` and `neg` (FlagEmbedding's, with a teacher's `pos_scores` and
    `neg_scores` where there is one), `positive` and `negative`, or `candidates` with `text` and `grade`.

    Raises:
        InvalidTrainingData: If the file is no text, more than a tenth of its lines is bad, or too few are left.
    """
    try:
        # Once: a second look at a pipe finds nothing, and one at a file may find another.
        data = read_bytes(path)
        text = decode_text(data, keeps_damage=True)
    except NotText as error:
        raise InvalidTrainingData(f"{path} {error}.", remedy=SAVE_AS_UTF8) from error
    examples: list[TrainingExample] = []
    problems: list[LineProblem] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        if line.strip():
            try:
                examples.append(_example(line, number))
            except _BadLine as problem:
                problems.append(LineProblem(number, str(problem)))
    _require_enough(path, examples, problems)
    return TrainingTexts(examples, problems, sha256(data).hexdigest())


def summary(problems: Sequence[LineProblem]) -> list[str]:
    """Name the bad lines, those with the same fault together: for each fault a sentence without its end."""
    by_reason: dict[str, list[int]] = {}
    for problem in problems:
        by_reason.setdefault(problem.reason, []).append(problem.line)
    shown = [f"{_lines(numbers)} {reason}" for reason, numbers in islice(by_reason.items(), _SHOWN_REASONS)]
    rest = sum(map(len, islice(by_reason.values(), _SHOWN_REASONS, None)))
    return [*shown, f"{rest} lines have other faults"] if rest else shown


def _lines(numbers: Sequence[int]) -> str:
    """Lines in words, those that follow one another as a range: `line 3`, `each of lines 3, 7-9`."""
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    shown = ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in ranges[:_SHOWN_RANGES])
    rest = sum(last - first + 1 for first, last in ranges[_SHOWN_RANGES:])
    return f"each of lines {shown}" + (f" and {rest} more" if rest else "")


def _require_enough(path: Path, examples: Sequence[TrainingExample], problems: Sequence[LineProblem]) -> None:
    total = len(examples) + len(problems)
    if len(problems) > MAX_BAD_SHARE * total:
        raise InvalidTrainingData(
            f"{path}: {len(problems)} of {total} lines cannot be used: {'; '.join(summary(problems))}.",
            remedy=f"Correct or remove them; up to {MAX_BAD_SHARE:.0%} of the lines may be left out. A file in another "
            "encoding has to be saved as UTF-8.",
        )
    queries = len({example.query for example in examples})
    if queries < MIN_EXAMPLES:
        raise InvalidTrainingData(
            f"{path} has {queries} queries that can be used; at least {MIN_EXAMPLES} are needed.",
            remedy="A few hundred make a difference, a few thousand a better one.",
        )


def _example(line: str, number: int) -> TrainingExample:
    if damage := damage_of(line):
        raise _BadLine(f"holds {damage}")
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _BadLine("is no JSON") from error
    if not isinstance(content, dict):
        raise _BadLine("is no JSON object")
    query = content.get("query")
    if not isinstance(query, str) or not query.strip():
        raise _BadLine("has no text as query")
    grades, teacher = _graded(content["candidates"]) if "candidates" in content else _sorted(content)
    if not any(grade > 0 for grade in grades.values()):
        raise _BadLine("has no relevant document")
    return TrainingExample(number, _encodable(query), grades, teacher)


def _sorted(content: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, float]]:
    """Grades and scores of a line that says of each text no more than whether it is relevant."""
    good, bad = ("pos", "neg") if "pos" in content else ("positive", "negative")
    if good not in content:
        raise _BadLine("has neither pos, positive nor candidates")
    positive, negative = _texts(content, good), _texts(content, bad)
    if both := set(positive) & set(negative):
        raise _BadLine(f"has a text in both {good} and {bad}: {min(both)[:40]!r}")
    grades = dict.fromkeys(positive, 1) | dict.fromkeys(negative, 0)
    names = (f"{good}_scores", f"{bad}_scores")
    if all(content.get(name) is None for name in names):
        return grades, {}
    scored = zip(names, (positive, negative), strict=True)
    return grades, {text: score for name, texts in scored for text, score in _scored(content, name, texts)}


def _texts(content: Mapping[str, Any], name: str) -> list[str]:
    texts = content.get(name) or []
    # A text in a list's place would count as a list of its characters.
    if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise _BadLine(f"needs a list of texts as {name}")
    return [_encodable(text) for text in texts]


def _scored(content: Mapping[str, Any], name: str, texts: Sequence[str]) -> Iterator[tuple[str, float]]:
    scores = content.get(name) or []
    if not isinstance(scores, list) or len(scores) != len(texts):
        raise _BadLine(f"needs as many {name} as texts")
    for text, score in zip(texts, scores, strict=True):
        number = finite_number(score)
        if number is None:
            raise _BadLine(f"has a value in {name} that is no number")
        yield text, number


def _graded(candidates: Any) -> tuple[dict[str, int], dict[str, float]]:
    """Grades of a line that says how relevant each text is."""
    if not isinstance(candidates, list):
        raise _BadLine("needs a list of objects as candidates")
    grades: dict[str, int] = {}
    for place, candidate in enumerate(candidates, 1):
        text, grade = (candidate.get(key) if isinstance(candidate, dict) else None for key in ("text", "grade"))
        # True is a whole number to Python.
        if not isinstance(text, str) or not text.strip() or type(grade) is not int or not 0 <= grade <= MAX_GRADE:
            raise _BadLine(f"needs a text and a whole grade from 0 to {MAX_GRADE} in candidate {place}")
        if grades.setdefault(_encodable(text), grade) != grade:
            raise _BadLine(f"grades the text of candidate {place} twice, and differently")
    return grades, {}


def _encodable(text: str) -> str:
    """Replaces what JSON can hold and UTF-8 cannot, lone surrogates, as the scorer does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
