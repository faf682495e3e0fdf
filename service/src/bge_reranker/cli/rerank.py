"""`bge-reranker rerank`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import click
import orjson
from typing_extensions import override

from ..configuration import by_name, load_settings
from ..errors import EmptyField, InvalidField
from ..text_files import SAVE_AS_UTF8, NotText, decode_text
from .numbers import WholeNumberRange
from .setting_options import given_flags, setting_options

if TYPE_CHECKING:
    from ..reranker import RankedDocument


class _DocumentsFile(click.File):
    """A file of documents; standard input may be closed, as programs start others that are to read nothing."""

    @override
    def convert(
        self, value: str | os.PathLike[str] | IO[Any], param: click.Parameter | None, ctx: click.Context | None
    ) -> IO[Any]:
        if value == "-" and sys.stdin is None:
            self.fail("Standard input is closed.", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.argument("query")
@click.argument("documents", type=_DocumentsFile("rb"))
@click.option("--top-n", type=WholeNumberRange(min=1), help="Most results.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of a table.")
@setting_options("model", "text")
@click.pass_context
def rerank(
    context: click.Context, /, query: str, documents: BinaryIO, top_n: int | None, *, as_json: bool, **_settings: object
) -> None:
    """Rank the lines of DOCUMENTS (a file, or - for standard input) for QUERY, best first."""
    lines = {index: line for index, line in enumerate(_text(documents).split("\n")) if line.strip()}
    numbers, texts = list(lines), list(lines.values())
    if not query:
        raise EmptyField("The query is empty.", remedy="Give at least one character.")
    if not texts:
        raise EmptyField("The documents are empty.", remedy="Give one document a line.")
    effective = load_settings(None, os.environ, given_flags(context))
    from ..reranker import Reranker  # noqa: PLC0415 - imports torch; --help and a wrong setting answer at once

    with Reranker(**by_name(effective, "model", "text")) as reranker:
        ranked = reranker.rank(query, texts, top_n)
    # Blank lines are no documents, but people count them.
    ranked = [replace(document, index=numbers[document.index]) for document in ranked]
    (_print_json if as_json else _print_table)(ranked)


def _text(documents: BinaryIO) -> str:
    try:
        return decode_text(documents.read())
    except NotText as error:
        raise InvalidField(
            f"The documents in {documents.name} cannot be ranked: the file {error}.", remedy=SAVE_AS_UTF8
        ) from None
    except OSError as error:
        raise InvalidField(f"{documents.name} cannot be read: {error.strerror}.") from None


def _print_json(ranked: list[RankedDocument]) -> None:
    for document in ranked:
        click.echo(orjson.dumps(document))


def _print_table(ranked: list[RankedDocument]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only people's output needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("rank", "score", "line", "text", box=None)
    for rank, document in enumerate(ranked, start=1):
        mark = " (truncated)" if document.truncated else ""
        text = Text(_plain(document.text) + mark)
        table.add_row(str(rank), f"{document.score:.4f}", str(document.index + 1), text)
    Console().print(table)


def _plain(text: str) -> str:
    """Without the control characters that would rule the reader's terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
