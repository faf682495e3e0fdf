"""`bge-reranker quantise`."""

from __future__ import annotations

import importlib.resources
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import SettingsError, WrongArchitecture

if TYPE_CHECKING:
    from ..engine.batch import Pair
    from ..evaluation.cases import RankingCase
    from ..evaluation.price import Price
    from ..model.checkpoint import Checkpoint
    from ..model.int8 import Int8Linear

_HOW = """# {name}, {to}

Made by `bge-reranker quantise` from `{source}`. Weights and inputs of {int8_layers} linear layers have 8 bits (weights
per output, inputs static, calibrated on {calibration_pairs} pairs); embeddings, norms, attention's products, the head
and {kept} sensitive linear layers stay in float.

What it costs beside float32 (gate: {gate}):
"""

_TABLE = (
    "| set | pairs | max | p99 | mean logit difference | Kendall tau | nDCG@10 float32 | nDCG@10 | loss |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)

_PASSED = "passed"

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("source")
@click.option("--to", type=click.Choice(["int8"]), required=True, help="Number format of the linear layers.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder to write; it must not exist.")
@click.option("--texts", type=_FILE, help="Judged queries whose texts calibrate, as `evaluate` reads them.")
@click.option("--golden", type=_FILE, help="Judged queries that the price is measured on, beside the shipped ones.")
@click.option(
    "--accept-failed-gate", is_flag=True, help="Write the model although its rankings differ more than allowed."
)
def quantise(
    source: str, *, to: str, output: Path, texts: Path | None, golden: Path | None, accept_failed_gate: bool
) -> None:
    """Quantise a model to int8 and print what that costs.

    SOURCE is what --model of `serve` takes. Ranges of the inputs are calibrated on --texts, or on texts that are
    shipped. The written model is refused where Kendall tau falls below 0.98 or nDCG@10 loses 0.5 % or more.
    """
    if output.exists():
        raise SettingsError(f"--output {output} exists already.", remedy="Name a folder that does not exist.")
    try:
        from ..evaluation.cases import load_cases  # noqa: PLC0415 - an optional extra
        from ..model.quantise import write_facts  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"`quantise` needs the package {error.name}.", remedy="Install bge-reranker[cpu,evaluation]."
        ) from None
    sets = {"shipped": load_cases(_shipped())} | ({"golden": load_cases(golden)} if golden else {})
    checkpoint = _source(source)
    layers, calibration_pairs = _quantise_layers(checkpoint, load_cases(texts) if texts else sets["shipped"])
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".quantise-") as scratch:
        folder, facts = _first_that_passes(checkpoint, layers, sets, Path(scratch))
        facts |= {"calibration_pairs": calibration_pairs}
        write_facts(checkpoint, facts, folder)
        (folder / "README.md").write_text(_card(source, to, facts), encoding="utf-8")
        click.echo(_card(source, to, facts))
        if facts["gate"] != _PASSED and not accept_failed_gate:
            click.echo("Refused: the gate failed. Use --accept-failed-gate to write the model all the same.", err=True)
            sys.exit(1)
        shutil.move(folder, output)
    click.echo(f"Written to {output}.")


def _first_that_passes(
    checkpoint: Checkpoint,
    layers: Mapping[str, tuple[Int8Linear, float]],
    sets: Mapping[str, Sequence[RankingCase]],
    scratch: Path,
) -> tuple[Path, dict[str, Any]]:
    """Keep more and more layers in float until the gate passes; returns the last folder and what is known of it."""
    from ..model.quantise import SENSITIVITY_LIMITS  # noqa: PLC0415 - an optional extra

    folder, facts = scratch, dict[str, Any]()
    for limit in SENSITIVITY_LIMITS:
        folder = scratch / f"limit-{limit}"
        folder.mkdir()
        facts = _write(checkpoint, layers, limit, folder)
        prices = {name: _price(checkpoint.directory, folder, cases) for name, cases in sets.items()}
        objections = [f"{name}: {text}" for name, price in prices.items() for text in price.objections()]
        facts |= {"gate": "failed, accepted by name" if objections else _PASSED, "price": _figures(prices)}
        if not objections:
            break
        click.echo(f"{facts['int8_layers']} layers in int8: {'; '.join(objections)}.")
    return folder, facts


def _figures(prices: Mapping[str, Price]) -> dict[str, dict[str, float]]:
    return {name: {**asdict(price), "ndcg_loss": price.ndcg_loss} for name, price in prices.items()}


def _shipped() -> Path:
    return Path(str(importlib.resources.files("bge_reranker.evaluation"))) / "shipped.jsonl"


def _source(source: str) -> Checkpoint:
    from ..model.checkpoint import read_checkpoint  # noqa: PLC0415 - a wrong option answers at once
    from ..store.resolve import resolve_model  # noqa: PLC0415

    checkpoint = read_checkpoint(resolve_model(source, os.environ).path)
    if checkpoint.geometry is None or checkpoint.quantisation is not None:
        reason = checkpoint.fallback_reason or "it is quantised already"
        raise WrongArchitecture(
            f"{source} cannot be quantised: {reason}.",
            remedy="Give a floating-point checkpoint of the XLM-RoBERTa, RoBERTa or BERT family.",
        )
    return checkpoint


def _quantise_layers(
    checkpoint: Checkpoint, cases: Sequence[RankingCase]
) -> tuple[dict[str, tuple[Int8Linear, float]], int]:
    """Calibrate; returns every layer with its sensitivity, and how many pairs were run."""
    from ..model.arrays import map_tensors  # noqa: PLC0415 - optional extras
    from ..model.quantise import quantise_layers  # noqa: PLC0415
    from ..model.tensor_files import check_tensors, open_tensors  # noqa: PLC0415
    from ..model.tensor_names import sources  # noqa: PLC0415

    geometry = checkpoint.geometry
    if geometry is None:
        raise ValueError("only packed checkpoints get here; this is a bug")
    with open_tensors(checkpoint.weight_files, "np") as files:
        check_tensors(files, geometry, sources(geometry))
    tensors = map_tensors(checkpoint.weight_files)
    pairs = _pairs(checkpoint, cases)
    click.echo(f"Calibrating on {len(pairs)} pairs ...")
    return quantise_layers(checkpoint, tensors, pairs), len(pairs)


def _write(
    checkpoint: Checkpoint, layers: Mapping[str, tuple[Int8Linear, float]], limit: float, folder: Path
) -> dict[str, Any]:
    """Write the model with the layers within a limit of sensitivity in int8; returns what config.json says."""
    from ..model.arrays import map_tensors  # noqa: PLC0415 - optional extras
    from ..model.quantise import write_checkpoint  # noqa: PLC0415

    chosen = {name: linear for name, (linear, sensitivity) in layers.items() if sensitivity <= limit}
    kept = {name: round(sensitivity, 4) for name, (_, sensitivity) in layers.items() if sensitivity > limit}
    facts: dict[str, Any] = {"bits": 8, "static": True, "int8_layers": len(chosen), "float_layers": kept}
    write_checkpoint(checkpoint, map_tensors(checkpoint.weight_files), chosen, facts, folder)
    return facts


def _pairs(checkpoint: Checkpoint, cases: Sequence[RankingCase]) -> list[Pair]:
    from ..settings import TextSettings  # noqa: PLC0415 - a wrong option answers at once
    from ..text.encoder import PairEncoder  # noqa: PLC0415
    from ..text.policy import resolve_policy  # noqa: PLC0415

    encoder = PairEncoder.from_directory(checkpoint.directory)
    limit = checkpoint.geometry.max_pair_tokens if checkpoint.geometry else 0
    policy = resolve_policy(TextSettings(), min(limit, encoder.tokenizer_max_pair_tokens or limit))
    encoded = [encoder.encode(case.query, case.documents, policy) for case in cases]
    return [pair for request in encoded for document in request.documents for pair in document.pairs]


def _price(exact: Path, lesser: Path, cases: Sequence[RankingCase]) -> Price:
    from ..evaluation.price import measure_price  # noqa: PLC0415 - an optional extra
    from ..reranker import Reranker  # noqa: PLC0415

    logits = []
    for folder in (exact, lesser):
        with Reranker(str(folder), device="cpu", runtime="openvino") as reranker:
            logits.append([reranker.logits(case.query, case.documents) for case in cases])
    return measure_price(cases, *logits)


def _card(source: str, to: str, facts: dict[str, Any]) -> str:
    lines = [
        _HOW.format(name=Path(source).name, to=to, source=source, kept=len(facts["float_layers"]), **facts),
        *_TABLE,
    ]
    for name, price in facts["price"].items():
        differences = (f"{price[f'{kind}_difference']:.4f}" for kind in ("max", "p99", "mean"))
        rest = f"{price['kendall_tau']:.4f} | {price['ndcg_at_10_float32']:.4f} | {price['ndcg_at_10']:.4f}"
        lines.append(f"| {name} | {price['pairs']} | {' | '.join(differences)} | {rest} | {price['ndcg_loss']:.2%} |")
    return "\n".join(lines) + "\n"
