"""What is written beside the weights: the card, the figures, the held-out queries, the picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..evaluation.cases import RankingCase
from ..evaluation.report import COLUMNS, EvaluationReport
from ..store.manifest import Manifest, Provenance, hash_model, write_manifest
from .curves import save_curves
from .options import TuningOptions
from .outlook import Outlook

HELD_OUT_FILE = "held-out.jsonl"
"""The held-out queries, as `evaluate` and `gate` read them."""

FIGURES_FILE = "training.json"
CURVES_FILE = "training.svg"

_CARD = """---
library_name: transformers
pipeline_tag: text-ranking
base_model: {base}
---
# {name}

Made by `bge-reranker finetune` from `{base}` (digest {base_digest}) and `{data}` (SHA-256 {data_sha256}).

{used} queries were trained on, {held_out} were held out, and {left_out} lines were left out. Loss: {loss}.
Steps: {steps}
of {planned}, {seconds:.0f} s. {adapters}

## On the held-out queries

| measure | base | this model | difference, paired (95 % interval) |
| --- | --- | --- | --- |
{rows}

{better} queries rank better than with the base, {worse} worse, {equal} the same (nDCG@10). `{held_out_file}` has the
queries, `{figures_file}` every figure and setting, `{curves_file}` how the run went. The checkpoint was chosen by
these queries, which favours it a little; judge it by a set of its own where that matters.
"""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All that is known of a run.

    Attributes:
        base: Source of the base model, as it was given.
        base_digest: Of its files.
        data: Name of the file with training texts.
        data_sha256: Of its bytes.
        options: What was asked for.
        loss: The loss that was used.
        used_queries: Examples that were trained on.
        left_out: Lines that could not be used, with reasons.
        outlook: What was expected before.
        seconds: What it took.
        steps: Changes of the weights that were made.
        history: What the trainer logged.
    """

    base: str
    base_digest: str
    data: str
    data_sha256: str
    options: TuningOptions
    loss: str
    used_queries: int
    left_out: Sequence[str]
    outlook: Outlook
    seconds: float
    steps: int
    history: Sequence[dict[str, Any]]


def write_record(
    folder: Path, name: str, record: RunRecord, cases: Sequence[RankingCase], report: EvaluationReport, *, made_at: str
) -> Manifest:
    """Write everything beside the weights, the manifest last.

    Args:
        folder: Where the weights lie.
        name: What the model is called.
        record: The run.
        cases: The held-out queries.
        report: The model beside its base on them; the model first.
        made_at: Time in UTC, ISO 8601.
    """
    _save_cases(cases, folder / HELD_OUT_FILE)
    figures = {**asdict(record), "evaluation": asdict(report)}
    (folder / FIGURES_FILE).write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    save_curves(record.history, record.outlook.base_ndcg_at_10, folder / CURVES_FILE)
    (folder / "README.md").write_text(_card(name, record, len(cases), report), encoding="utf-8")
    hashed = hash_model(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    provenance = Provenance(
        source=f"finetune:{record.base}",
        commit=record.base_digest,
        architecture=next(iter(config.get("architectures") or []), None),
        fetched_at=made_at,
    )
    manifest = Manifest(hashed.files, provenance)
    write_manifest(folder, manifest)
    return manifest


def _save_cases(cases: Sequence[RankingCase], file: Path) -> None:
    with file.open("w", encoding="utf-8") as stream:
        for case in cases:
            candidates = [{"text": text, "grade": case.grades[text]} for text in case.documents]
            stream.write(json.dumps({"query": case.query, "candidates": candidates}, ensure_ascii=False) + "\n")


def _card(name: str, record: RunRecord, held_out: int, report: EvaluationReport) -> str:
    rank = record.options.lora_rank
    (comparison,) = report.comparisons
    return _CARD.format(
        name=name,
        base=record.base,
        base_digest=record.base_digest[:12],
        data=record.data,
        data_sha256=record.data_sha256[:12],
        used=record.used_queries,
        held_out=held_out,
        left_out=len(record.left_out),
        loss=record.loss,
        steps=record.steps,
        planned=record.outlook.steps,
        seconds=record.seconds,
        adapters=f"Adapters of rank {rank}, merged into the weights." if rank else "All weights were trained.",
        rows="\n".join(_rows(report)),
        better=comparison.better,
        worse=comparison.worse,
        equal=comparison.equal,
        held_out_file=HELD_OUT_FILE,
        figures_file=FIGURES_FILE,
        curves_file=CURVES_FILE,
    )


def _rows(report: EvaluationReport) -> list[str]:
    new, base = (result.intervals for result in report.results[:2])
    (comparison,) = report.comparisons
    differences: Mapping[str, Any] = comparison.differences
    return [
        f"| {column} | {base[measure].mean:.4f} | {new[measure].mean:.4f} | {differences[measure].signed()} |"
        for measure, column in COLUMNS.items()
    ]
