"""`bge-reranker evaluate`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..configuration import by_name, load_settings
from ..errors import GateFailed, SettingsError
from ..precision import FLOAT32
from .numbers import NumberRange
from .output import PICTURES, refuse_unwritable, written
from .setting_options import given_flags, setting_options

if TYPE_CHECKING:
    from ..evaluation.cases import RankingCase
    from ..evaluation.report import EvaluationReport
    from ..settings import Settings

_OUTPUT = click.Path(dir_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("judgements", type=_FILE, required=False)
@click.option("--queries", type=_FILE, help="Queries, one `id<TAB>text` a line, or BEIR's JSON lines.")
@click.option("--documents", type=_FILE, help="Documents, in the same form.")
@click.option("--qrels", type=_FILE, help="Judgements in TREC's four columns or BEIR's three.")
@click.option("--run", type=_FILE, help="TREC: the run whose candidates are ranked again; without it all judged ones.")
@click.option("--bm25/--no-bm25", default=True, show_default=True, help="Print BM25 beside the model.")
@click.option("--against", metavar="MODEL", help="Compare with this model query by query; what --model takes.")
@click.option(
    "--price",
    is_flag=True,
    help="Also score in float32, print what the precision costs, and fail where a quantised model would.",
)
@click.option(
    "--cut-off-precision",
    "precisions",
    type=NumberRange(0, 1, min_open=True),
    multiple=True,
    help="Suggest the lowest score from which on this share of the documents is relevant; as often as you like.",
)
@click.option("--json", "json_file", type=_OUTPUT, help="Also write a JSON file.")
@click.option("--picture", type=_OUTPUT, help="Also draw the measures: .png, .svg or .pdf.")
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
    against: str | None,
    precisions: tuple[float, ...],
    json_file: Path | None,
    picture: Path | None,
    *,
    bm25: bool,
    price: bool,
    **_settings: object,
) -> None:
    """Measure a model on judged queries: nDCG, MRR, MAP and recall with confidence intervals, beside BM25.

    JUDGEMENTS holds one JSON object a line: {"query": text, "positive": [texts], "negative": [texts], "group": name};
    where some are more relevant than others, "candidates": [{"text": text, "grade": number}] in place of both lists.
    Files of TREC or BEIR are given by --queries, --documents and --qrels instead.
    """
    effective = load_settings(None, os.environ, given_flags(context))
    for file, option, endings in ((json_file, "--json", ()), (picture, "--picture", PICTURES)):
        if file is not None:
            refuse_unwritable(file, option, endings)
    cases = _cases(judgements, queries, documents, qrels, run)
    from rich.console import Console  # noqa: PLC0415 - a wrong option answers at once

    try:
        from ..evaluation.cut_off_advice import advise_cut_offs  # noqa: PLC0415 - an optional extra
        from ..evaluation.report import print_report, report_of  # noqa: PLC0415

        draw = _drawing(picture)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"`evaluate` needs the package {error.name}.", remedy="Install bge-reranker[evaluation]."
        ) from None
    name = effective.model.source
    logits = _logits(cases, by_name(effective, "model", "text"), name)
    scores = {name: logits}
    if against is not None:
        other = against if against != name else f"{against}, again"
        scores[other] = _logits(cases, _other(effective, against), other)
    report = report_of(cases, scores, with_bm25=bm25, cut_offs=advise_cut_offs(cases, logits, precisions))
    print_report(report, Console())
    if json_file is not None:
        with written(json_file, "--json"):
            report.save(json_file)
    if picture is not None and draw is not None:
        with written(picture, "--picture"):
            draw(report, picture)
    if price:
        _judge_price(cases, effective, logits)


def _drawing(picture: Path | None) -> Callable[[EvaluationReport, Path], None] | None:
    """What draws, if anything: its library takes long to load."""
    if picture is None:
        return None
    from ..evaluation.picture import save_picture  # noqa: PLC0415

    return save_picture


def _judge_price(cases: Sequence[RankingCase], settings: Settings, logits: Sequence[Sequence[float]]) -> None:
    """Print what the precision costs beside float32.

    Raises:
        GateFailed: If it costs more than a quantised model may.
    """
    from ..evaluation.price import measure_price  # noqa: PLC0415 - an optional extra

    exact = _logits(cases, by_name(settings, "model", "text") | {"precision": FLOAT32.name}, "float32")
    price = measure_price(cases, exact, logits)
    click.echo(
        f"{settings.model.precision} beside float32, {price.pairs} pairs: logits differ by {price.max_difference:.4f} "
        f"at most, {price.p99_difference:.4f} at p99, {price.mean_difference:.4f} on average; Kendall tau "
        f"{price.kendall_tau:.4f}; nDCG@10 {price.ndcg_at_10:.4f} instead of {price.ndcg_at_10_float32:.4f}."
    )
    objections = price.objections()
    if objections:
        raise GateFailed(f"{settings.model.precision}: {'; '.join(objections)}.", remedy="Serve in another precision.")


def _other(settings: Settings, against: str) -> dict[str, object]:
    # Version and digest that were named are those of the model which is measured.
    return by_name(settings, "model", "text") | {"model": against, "revision": None, "expect_digest": None}


def _logits(cases: Sequence[RankingCase], settings: dict[str, object], name: str) -> list[list[float]]:
    from ..evaluation.report import score_cases  # noqa: PLC0415 - a wrong option answers at once
    from ..reranker import Reranker  # noqa: PLC0415

    with Reranker(**settings) as reranker:  # type: ignore[arg-type] # settings have types of their own, checked there
        return score_cases(reranker.logits, cases, name=name)


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
