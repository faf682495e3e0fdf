"""Lengths of requests from a file: in tokens, or as texts that are tokenised here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import SettingsError
from ..settings import TextSettings
from ..text.encoder import PairEncoder
from ..text.policy import resolve_policy
from ..text_files import NotText, read_text

MOST_TOKENS = 1_000_000


def read_lines(file: Path) -> list[str]:
    """The lines of a file that hold something.

    Raises:
        SettingsError: If there is none, or it is no text.
    """
    try:
        lines = [line for line in read_text(file).splitlines() if line.strip()]
    except (OSError, NotText) as error:
        raise SettingsError(f"--lengths {file} cannot be read: {error}.", remedy="Give a file of JSON lines.") from None
    if not lines:
        raise SettingsError(f"--lengths {file} holds no request.", remedy="Give one JSON object a line.")
    return lines


def are_tokens(lines: Sequence[str]) -> bool:
    """Whether lines tell tokens, and no texts."""
    return '"tokens"' in lines[0]


def read_tokens(lines: Sequence[str], place: str) -> list[list[int]]:
    """Read `{"tokens": [212, 180]}` a line: the tokens of each pair of one request.

    Args:
        lines: Of the file.
        place: The file's name, for the error.

    Raises:
        SettingsError: If a line is something else.
    """
    found = []
    for number, line in enumerate(lines, 1):
        try:
            tokens = json.loads(line)["tokens"]
        except (ValueError, KeyError, TypeError):
            tokens = None
        are_whole = isinstance(tokens, list) and tokens and all(type(each) is int for each in tokens)
        if not are_whole or not all(1 <= each <= MOST_TOKENS for each in tokens):
            raise SettingsError(
                f"--lengths {place}, line {number} has no list of tokens from 1 to {MOST_TOKENS}.",
                remedy='Write {"tokens": [212, 180]}: the tokens of each pair of one request.',
            )
        found.append(tokens)
    return found


def count_tokens(
    requests: Iterable[tuple[str, Sequence[str]]], folder: Path, max_pair_tokens: int, option: str = "--tokenizer"
) -> list[list[int]]:
    """Tokens of each pair of requests, as the server would cut them.

    Args:
        requests: Query and documents of each.
        folder: With the tokenizer's files.
        max_pair_tokens: Longest pair.
        option: What the folder was given to, for the error.

    Raises:
        RerankerError: If there is no tokenizer, or a text does not fit.
    """
    if not folder.is_dir():
        raise SettingsError(f"{option} {folder} is no folder.", remedy="Name the folder of a model.")
    encoder = PairEncoder.from_directory(folder)
    policy = resolve_policy(TextSettings(), max_pair_tokens)
    return [
        [max(1, document.tokens) for document in encoder.encode(query, documents, policy).documents]
        for query, documents in requests
    ]
