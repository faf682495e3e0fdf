"""`bge-reranker evaluate`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..configuration import by_name, load_settings
from ..errors import SettingsError
from .output import refuse_unwritable, written
from .setting_options import given_flags, setting_options

if TYPE_CHECKING:
    from ..evaluation.cases import RankingCase

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("judgements", type=_FILE, required=False)
@click.option("--queries", type=_FILE, help="Queries, one `id<TAB>text` a line, or BEIR's JSON lines.")
@click.option("--documents", type=_FILE, help="Documents, in the same form.")
@click.option("--qrels", type=_FILE, help="Judgements in TREC's four columns or BEIR's three.")
@click.option("--run", type=_FILE, help="TREC: the run whose candidates are ranked again; without it all judged ones.")
@click.option("--bm25/--no-bm25", default=True, show_default=True, help="Print BM25 beside the model.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write a JSON file.")
@setting_options("model", "text")
@click.pass_context
def evaluate(
    context: click.Context,
    /,
    judgements: Path | None,
    queries: Path | None,
    documents: Path | None,
    qrels: Path | None,
    run: Path | None,
    json_file: Path | None,
    *,
    bm25: bool,
    **_settings: object,
) -> None:
    """Measure a model on judged queries: nDCG@10 and MRR@10, beside BM25.

    JUDGEMENTS holds one JSON object a line: {"query": text, "positive": [texts], "negative": [texts], "group": name};
    where some are more relevant than others, "candidates": [{"text": text, "grade": number}] in place of both lists.
    Files of TREC or BEIR are given by --queries, --documents and --qrels instead.
    """
    effective = load_settings(None, os.environ, given_flags(context))
    if json_file is not None:
        refuse_unwritable(json_file, "--json")
    cases = _cases(judgements, queries, documents, qrels, run)
    from rich.console import Console  # noqa: PLC0415 - a wrong option answers at once

    try:
        from ..evaluation.report import evaluate_rankings, print_report  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"`evaluate` needs the package {error.name}.", remedy="Install bge-reranker[evaluation]."
        ) from None
    from ..reranker import Reranker  # noqa: PLC0415

    with Reranker(**by_name(effective, "model", "text")) as reranker:
        report = evaluate_rankings(reranker.logits, cases, ranker=effective.model.source, with_bm25=bm25)
    print_report(report, Console())
    if json_file is not None:
        with written(json_file, "--json"):
            report.save(json_file)


def _cases(
    judgements: Path | None, queries: Path | None, documents: Path | None, qrels: Path | None, run: Path | None
) -> list[RankingCase]:
    from ..evaluation.cases import load_cases, load_trec_cases  # noqa: PLC0415 - a wrong option answers at once

    trec = (queries, documents, qrels)
    if judgements is not None and not any(trec):
        return load_cases(judgements)
    if judgements is None and queries is not None and documents is not None and qrels is not None:
        say = partial(click.echo, err=True)
        return load_trec_cases(queries=queries, documents=documents, qrels=qrels, run=run, say=say)
    raise click.UsageError("Give either JUDGEMENTS, or all of --queries, --documents and --qrels.")
