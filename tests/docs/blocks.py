"""The code blocks of the documentation, and the commands in those for a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from docs_site.staging import ROOT, markdown_pages

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?([^\n]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_SEPARATORS = {"&&", "||", "|", ";", "do", "done"}


@dataclass(frozen=True)
class Block:
    """One fenced block of code.

    Attributes:
        page: The file that it stands in, as seen from the top of the repository.
        line: The line of its first fence.
        language: What stands behind the fence.
        text: What stands between the fences.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[list[str]]:
        """The commands of a shell block, as words; what a heredoc holds is none."""
        text = _HEREDOC.sub(r" < HEREDOC\2", self.text).replace("\\\n", " ")
        return [command for line in _lines(text) for command in _split(line)]

    @property
    def heredocs(self) -> list[str]:
        """What stands in the heredocs of a shell block."""
        return [match[3] for match in _HEREDOC.finditer(self.text)]

    @override
    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """The blocks of the documentation that are in one of these languages; of none given: all."""
    return [
        block for page in markdown_pages() for block in _blocks_of(page) if block.language in languages or not languages
    ]


def blocks_of(page: str) -> list[Block]:
    """The blocks of one page."""
    return list(_blocks_of(ROOT / page))


def _blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        yield Block(str(page.relative_to(ROOT)), text.count("\n", 0, match.start()) + 1, match[1], match[2])


def _lines(text: str) -> Iterator[list[str]]:
    """Each line as words; a line whose quotes are open goes on."""
    unfinished = ""
    for line in text.splitlines():
        unfinished += line
        try:
            lexer = shlex.shlex(unfinished, posix=True, punctuation_chars="|&;<>")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            unfinished += "\n"
            continue
        unfinished = ""
        yield words
    assert not unfinished, f"quotes stay open in {text!r}"


def _split(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in [*words, ";"]:
        if word not in _SEPARATORS:
            command.append(word)
        elif command:
            yield command
            command = []
