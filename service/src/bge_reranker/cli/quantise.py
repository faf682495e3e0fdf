"""`bge-reranker quantise`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..errors import SettingsError
from .ending import end_tidily_on_sigterm
from .output import new_folder

_SHIPPED = "shipped"
"""Name of the set that comes with the package."""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("source")
@click.option("--to", type=click.Choice(["int8"]), required=True, help="Number format of the linear layers.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder to write; it must not exist.")
@click.option("--texts", type=_FILE, help="Judged queries whose texts calibrate, as `evaluate` reads them.")
@click.option(
    "--golden",
    multiple=True,
    type=_FILE,
    help="Judged queries that the price is measured on, beside the shipped ones; called by the file's name.",
)
@click.option(
    "--accept-failed-gate", is_flag=True, help="Write the model although its rankings differ more than allowed."
)
def quantise(
    source: str,
    *,
    to: str,  # noqa: ARG001 - named, so that another format is another word of the same command
    output: Path,
    texts: Path | None,
    golden: tuple[Path, ...],
    accept_failed_gate: bool,
) -> None:
    """Quantise a model to int8 and print what that costs.

    SOURCE is what --model of `serve` takes. Ranges of the inputs are calibrated on --texts, or on texts that are
    shipped. The written model is refused where Kendall tau falls below 0.98 or nDCG@10 loses 0.5 % or more.
    """
    try:
        from .. import quantisation  # noqa: PLC0415 - optional extras
        from ..evaluation.cases import load_cases  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"`quantise` needs the package {error.name}.", remedy="Install bge-reranker[cpu,evaluation]."
        ) from None
    names = [_SHIPPED, *(file.stem for file in golden)]
    if len(set(names)) < len(names):
        raise SettingsError(
            f"--golden: sets are called by their file's name, and {', '.join(names)} are not all different.",
            remedy="Rename a file.",
        )
    for name in names:
        if not name.isprintable():
            raise SettingsError(
                f"--golden: sets are called by their file's name, and {name!r} cannot stand in a table.",
                remedy="Rename the file.",
            )
    shipped = quantisation.shipped_cases()
    sets = dict(zip(names, [shipped, *map(load_cases, golden)], strict=True))
    calibration = load_cases(texts) if texts else shipped
    end_tidily_on_sigterm()
    with new_folder(output) as folder:
        work = quantisation.Quantisation(source, calibration, click.echo)
        work.write_first_that_passes(sets, folder)
        has_passed = work.facts["gate"] == quantisation.PASSED
        if accept_failed_gate and not has_passed:
            work.facts["gate"] = quantisation.ACCEPTED
        click.echo(work.card())
        if not (has_passed or accept_failed_gate):
            click.echo("Refused: the gate failed. Use --accept-failed-gate to write the model all the same.", err=True)
            sys.exit(1)
        work.sign(folder)
    click.echo(f"Written to {output}.")
