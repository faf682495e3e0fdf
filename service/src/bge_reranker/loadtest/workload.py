"""What is sent: queries with documents, from a file or made to measure."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ..errors import SettingsError
from ..evaluation.cases import load_cases
from ..planning.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Question:
    """One request's texts."""

    query: str
    documents: tuple[str, ...]


def made_questions(count: int, documents: Sizes, words: Sizes, query_words: Sizes, seed: int) -> list[Question]:
    """Make questions out of the words of texts that come with the package.

    Args:
        count: Questions.
        documents: Documents of each.
        words: Words of each document.
        query_words: Words of each query.
        seed: The same seed makes the same questions.
    """
    chance = random.Random(seed)  # noqa: S311 - a load, not a secret
    known = _words()

    def text(length: int) -> str:
        return " ".join(chance.choices(known, k=length))

    return [
        Question(text(query_words.draw(chance)), tuple(text(words.draw(chance)) for _ in range(documents.draw(chance))))
        for _ in range(count)
    ]


def read_questions(file: Path) -> list[Question]:
    """Read questions from JSON lines.

    A line is `{"query": text, "documents": [texts]}`, or a judged query as `bge-reranker evaluate` reads it.

    Raises:
        SettingsError: If a line is neither, or there is none.
    """
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines:
        raise SettingsError(f"--requests {file} holds no request.", remedy="Give one JSON object a line.")
    if '"documents"' not in lines[0]:
        return [Question(case.query, tuple(case.documents)) for case in load_cases(file)]
    return [_question(line, f"{file}, line {number}") for number, line in enumerate(lines, 1)]


def _question(line: str, place: str) -> Question:
    remedy = 'Write {"query": text, "documents": [texts]}.'
    try:
        values = json.loads(line)
        query, documents = values["query"], values["documents"]
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{place} is no request: {error}.", remedy=remedy) from None
    if not isinstance(query, str) or not _are_texts(documents):
        raise SettingsError(f"{place} has no text as `query`, or no list of texts as `documents`.", remedy=remedy)
    return Question(query, tuple(documents))


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, str) for value in values)


def _words() -> Sequence[str]:
    """Words of the queries and documents that come with the package, in the order of the texts."""
    shipped = files("bge_reranker.evaluation").joinpath("shipped.jsonl").read_text(encoding="utf-8")
    return list(dict.fromkeys(word for line in shipped.splitlines() for word in _texts_of(json.loads(line)).split()))


def _texts_of(value: object) -> str:
    if isinstance(value, str):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return " ".join(_texts_of(part) for part in parts)
