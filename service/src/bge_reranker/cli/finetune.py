"""`bge-reranker finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ..errors import SettingsError
from .ending import end_tidily_on_sigterm
from .numbers import NumberRange, WholeNumber, WholeNumberRange
from .output import new_folder, refuse_existing

if TYPE_CHECKING:
    from ..evaluation.report import EvaluationReport
    from ..tuning.outlook import Outlook
    from .steps import StepBar

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("texts", type=_FILE)
@click.option("--base", required=True, metavar="MODEL", help="Model to start from; what --model of `serve` takes.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder to write.  [default: the file's name, -tuned]")
@click.option(
    "--loss",
    type=click.Choice(["auto", "listwise", "lambda", "binary", "distil"]),
    default="auto",
    show_default=True,
    help="`auto` distils where each line has a teacher's scores, and is listwise elsewhere.",
)
@click.option("--epochs", type=WholeNumberRange(1, 1_000), default=3, show_default=True)
@click.option(
    "--learning-rate", type=NumberRange(0, 1, min_open=True), help="[default: 2e-5, or 2e-4 with --lora-rank]"
)
@click.option("--batch-queries", type=WholeNumberRange(1, 4_096), default=8, show_default=True, help="Queries a step.")
@click.option("--accumulate", type=WholeNumberRange(1, 4_096), default=1, show_default=True, help="Steps added up.")
@click.option(
    "--documents", type=WholeNumberRange(2, 1_000), default=8, show_default=True, help="Documents of a query in a step."
)
@click.option("--max-tokens", type=WholeNumberRange(8, 32_768), default=512, show_default=True, help="Longest pair.")
@click.option(
    "--lora-rank", type=WholeNumberRange(0, 1_024), default=0, show_default=True, help="Rank of adapters; 0: none."
)
@click.option(
    "--mixed-precision",
    type=click.Choice(["auto", "no", "fp16", "bf16"]),
    default="auto",
    show_default=True,
    help="`auto` is bf16 on GPUs that have it.",
)
@click.option("--gradient-checkpointing", is_flag=True, help="A third slower, with far less memory.")
@click.option(
    "--mine",
    "mining",
    type=click.Choice(["none", "lexical", "model"]),
    default="lexical",
    show_default=True,
    help="Negatives that the file lacks: by BM25, or those of BM25 that the base ranks best below the relevant.",
)
@click.option(
    "--hold-out", type=NumberRange(0.001, 0.9), default=0.1, show_default=True, help="Share of queries kept aside."
)
@click.option(
    "--evaluations", type=WholeNumberRange(1, 10_000), default=10, show_default=True, help="Looks at them in the run."
)
@click.option(
    "--patience", type=WholeNumberRange(1, 10_000), default=3, show_default=True, help="Looks without a gain."
)
@click.option("--seed", type=WholeNumber(), default=0, show_default=True)
@click.option("--estimate", is_flag=True, help="Only say what it will take here, and end.")
def finetune(
    texts: Path,
    base: str,
    output: Path | None,
    loss: Literal["auto", "listwise", "lambda", "binary", "distil"],
    epochs: int,
    learning_rate: float | None,
    batch_queries: int,
    accumulate: int,
    documents: int,
    max_tokens: int,
    lora_rank: int,
    mixed_precision: Literal["auto", "no", "fp16", "bf16"],
    mining: Literal["none", "lexical", "model"],
    hold_out: float,
    evaluations: int,
    patience: int,
    seed: int,
    *,
    gradient_checkpointing: bool,
    estimate: bool,
) -> None:
    """Train a model on texts of your own, and write one that can be served.

    TEXTS holds one JSON object a line: {"query": text, "pos": [texts], "neg": [texts]}, with "pos_scores" and
    "neg_scores" of a teacher where there is one; or "candidates": [{"text": text, "grade": number}]. Interrupted, the
    same command goes on from its last checkpoint.
    """
    target = output or Path(f"{texts.stem}-tuned")
    refuse_existing(target)
    try:
        from ..tuning.run import FineTuning, Reports  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"`finetune` needs the package {error.name}.",
            remedy="Install bge-reranker[tuning], or use the image of the target `tuning`.",
        ) from None
    from rich.console import Console  # noqa: PLC0415 - a wrong option answers at once

    from ..evaluation.report import print_report  # noqa: PLC0415
    from ..tuning.options import TuningOptions  # noqa: PLC0415
    from .steps import StepBar  # noqa: PLC0415

    # Not before torch is there: an exception in the middle of its import is lost, or ends the process at once.
    end_tidily_on_sigterm()
    options = TuningOptions(
        loss=loss,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_queries=batch_queries,
        accumulate=accumulate,
        documents=documents,
        max_tokens=max_tokens,
        lora_rank=lora_rank,
        mixed_precision=mixed_precision,
        gradient_checkpointing=gradient_checkpointing,
        mining=mining,
        hold_out=hold_out,
        evaluations=evaluations,
        patience=patience,
        seed=seed,
    )
    with StepBar(Console(stderr=True)) as bar:
        reports = Reports(bar.say, lambda outlook: _say_outlook(outlook, bar), bar.on_step)
        run = FineTuning(base, texts, options, target.absolute().with_name(f".{target.name}.training"), reports)
        if estimate:
            run.look_ahead()
            return
        with new_folder(target) as folder:
            report = run.train_into(folder, target.name)
        run.forget()
    print_report(report, Console(), title="Held-out queries")
    click.echo(f"Written to {target}.")
    if (warning := loss_warning(report)) is not None:
        click.echo(warning, err=True)


def loss_warning(report: EvaluationReport) -> str | None:
    """Say that a model ranks worse than its base, where that is more than chance."""
    (comparison,) = report.comparisons
    difference = comparison.differences["ndcg_at_10"]
    if difference.mean >= 0 or not difference.excludes_zero:
        return None
    return (
        f"It ranks the held-out queries worse than its base: nDCG@10 {difference.signed()}. Serve the base, or try a "
        "lower --learning-rate, fewer --epochs or better texts."
    )


def _say_outlook(outlook: Outlook, bar: StepBar) -> None:
    free = "" if outlook.free_bytes is None else f"; {outlook.free_bytes / 2**20:,.0f} MiB were free"
    bar.say(
        f"At most {outlook.steps} steps on {outlook.device}, about {_duration(outlook.seconds)}, and "
        f"{outlook.memory_bytes / 2**20:,.0f} MiB of memory{free}; checkpoints take up to "
        f"{outlook.disk_bytes / 2**20:,.0f} MiB of disk."
    )
    bar.say(f"The base ranks the held-out queries with an nDCG@10 of {outlook.base_ndcg_at_10:.4f}.")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
