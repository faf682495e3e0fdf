"""Quantising a floating-point model to int8: calibrate, write, measure the price, and keep what the gate asks for."""

from __future__ import annotations

import importlib.resources
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .engine.batch import Pair
from .errors import WrongArchitecture
from .evaluation.cases import RankingCase, load_cases
from .evaluation.price import measure_price
from .model.checkpoint.arrays import StoredTensor, map_tensors
from .model.checkpoint.folder import Checkpoint, read_checkpoint
from .model.checkpoint.int8 import FLOAT_PARTS, Int8Linear
from .model.checkpoint.tensor_files import open_tensors, plan_tensors
from .model.families.registry import FAMILIES
from .model.machine.processor import gains_by_bfloat16, instruction_sets, processor_vendor
from .model.openvino.quantise import SENSITIVITY_LIMITS, quantise_layers, write_checkpoint, write_facts
from .precision import BFLOAT16
from .reranker import Reranker
from .settings import TextSettings
from .store.manifest import MANIFEST_FILE
from .store.resolve import resolve_model
from .text.encoder import PairEncoder
from .text.policy import resolve_policy

PASSED = "passed"
FAILED = "failed"
ACCEPTED = "failed, accepted by name"

Cases = Sequence[RankingCase]
Logits = list[list[float]]
"""Of each query's documents, in their order."""
Notes = tuple[str, ...]
Layers = Mapping[str, tuple[Int8Linear, float]]
"""Every linear layer in 8 bits with its sensitivity, by name."""

_CARD = """# {name}, int8

Made by `bge-reranker quantise` from `{source}`. Weights and inputs of {int8_layers} linear layers have 8 bits (weights
per output, inputs static, calibrated on {calibration_pairs} pairs); embeddings, norms, attention's products, the head
and {kept} sensitive linear layers stay in float.

What it costs beside float32 (gate: {gate}):
"""

_IN_BFLOAT16 = """
What stays in float is computed in bfloat16 on processors with AMX and on AMD's with AVX512-BF16, elsewhere in float32.
"""

_TABLE = (
    "| set | pairs | max | p99 | mean logit difference | Kendall tau | nDCG@10 float32 | nDCG@10 | loss |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)


def shipped_cases() -> list[RankingCase]:
    """Judged queries that come with the package."""
    return load_cases(Path(str(importlib.resources.files("bge_reranker.evaluation"))) / "shipped.jsonl")


class Quantisation:
    """The quantising of one model.

    Args:
        source: What `--model` of `serve` takes.
        calibration: Queries whose texts give the ranges of the inputs.
        say: Called with a sentence about each step.

    Raises:
        WrongArchitecture: If the model is outside the packed family or quantised already.
        ModelError: If its files cannot be read.
    """

    def __init__(self, source: str, calibration: Cases, say: Callable[[str], None]) -> None:
        self._source = source
        self._checkpoint = _read(source)
        self._say = say
        self._tensors = _tensors(self._checkpoint)
        pairs = _pairs(self._checkpoint, calibration)
        self._calibration_pairs = len(pairs)
        say(f"Calibrating on {len(pairs)} pairs ...")
        self._layers: Layers = quantise_layers(self._checkpoint, self._tensors, pairs)
        self._exact: dict[str, Logits] = {}
        self.facts: dict[str, Any] = {}

    def write_first_that_passes(self, sets: Mapping[str, Cases], folder: Path) -> None:
        """Keep more and more layers in float until the gate passes; then see whether bfloat16 will do for the rest.

        Args:
            sets: Judged queries that the price is measured on, by name.
            folder: An empty folder, which then has the last attempt; what is known of it is in `facts`, and in its
                config.json after `sign`.
        """
        for limit in SENSITIVITY_LIMITS:
            # Each attempt is as large as the model, so that a failed one must not stay beside the next.
            shutil.rmtree(folder)
            folder.mkdir()
            self._write(limit, folder)
            objections, figures, _ = self._judge(folder, sets)
            self.facts |= {"gate": FAILED if objections else PASSED, "price": figures}
            if not objections:
                self._try_bfloat16(folder, sets)
                break
            self._say(f"{self.facts['int8_layers']} layers in int8: {objections}.")

    def _try_bfloat16(self, folder: Path, sets: Mapping[str, Cases]) -> None:
        """Allow bfloat16 in the floating-point parts, for processors like this one, if the gate passes so, too."""
        if not gains_by_bfloat16(instruction_sets(), processor_vendor()):
            return
        allowed = {**self.facts, FLOAT_PARTS: BFLOAT16.name}
        write_facts(self._checkpoint, allowed, folder)
        objections, figures, notes = self._judge(folder, sets)
        if objections or notes:
            self._say(f"The rest stays in float32, since in bfloat16 {'; '.join(filter(None, (objections, *notes)))}.")
            return
        self.facts = {**allowed, "price_in_bfloat16": figures}

    def _judge(self, folder: Path, sets: Mapping[str, Cases]) -> tuple[str, dict[str, dict[str, float]], Notes]:
        """Measure a model beside float32: what the gate objects to, the figures by set, what this processor changed."""
        if not self._exact:
            self._exact, _ = _logits(self._checkpoint.directory, sets)
        found, notes = _logits(folder, sets)
        prices = {name: measure_price(cases, self._exact[name], found[name]) for name, cases in sets.items()}
        objections = [f"{name}: {text}" for name, price in prices.items() for text in price.objections()]
        if not self.facts["int8_layers"]:
            # Nothing was changed, so nothing was lost; nor would anything be gained.
            objections.append("every linear layer is too sensitive for 8 bits")
        figures = {name: {**asdict(price), "ndcg_loss": price.ndcg_loss} for name, price in prices.items()}
        return "; ".join(objections), figures, notes

    def sign(self, folder: Path) -> None:
        """Write what is known of the model into its config.json and its card."""
        write_facts(self._checkpoint, self.facts, folder)
        (folder / "README.md").write_text(self.card(), encoding="utf-8")

    def card(self) -> str:
        """The model's card, with the price."""
        facts = self.facts
        kept = len(facts["float_layers"])
        lines = [_CARD.format(name=Path(self._source).name, source=self._source, kept=kept, **facts), *_TABLE]
        lines += [_row(name, price) for name, price in facts["price"].items()]
        lines += [_row(f"{name}, bfloat16", price) for name, price in facts.get("price_in_bfloat16", {}).items()]
        return "\n".join(lines) + "\n" + (_IN_BFLOAT16 if FLOAT_PARTS in facts else "")

    def _write(self, limit: float, folder: Path) -> None:
        """Write the model with the layers within a limit of sensitivity in int8."""
        chosen = {name: linear for name, (linear, sensitivity) in self._layers.items() if sensitivity <= limit}
        kept = {name: round(value, 4) for name, (_, value) in self._layers.items() if value > limit}
        self.facts = {"bits": 8, "static": True, "int8_layers": len(chosen), "float_layers": kept}
        self.facts |= {"calibration_pairs": self._calibration_pairs}
        # The manifest of a model of the store would refuse the files that are written here.
        write_checkpoint(self._checkpoint, self._tensors, chosen, self.facts, folder, left_out=(MANIFEST_FILE,))


def _read(source: str) -> Checkpoint:
    checkpoint = read_checkpoint(resolve_model(source, os.environ).path)
    reason = checkpoint.fallback_reason or checkpoint.openvino_objection
    if not reason and checkpoint.quantisation is not None:
        reason = "it is quantised already"
    if reason:
        quantisable = [name for name, family in FAMILIES.items() if family.has_openvino_graph]
        raise WrongArchitecture(
            f"{source} cannot be quantised: {reason}.",
            remedy=f"Give a floating-point checkpoint of one of these architectures: {', '.join(quantisable)}.",
        )
    return checkpoint


def _tensors(checkpoint: Checkpoint) -> dict[str, StoredTensor]:
    if checkpoint.geometry is None:
        raise ValueError("only packed checkpoints get here; this is a bug")
    with open_tensors(checkpoint.weight_files, "np", checkpoint.geometry) as files:
        plan_tensors(files, checkpoint.geometry)
    return map_tensors(checkpoint.weight_files, checkpoint.geometry)


def _pairs(checkpoint: Checkpoint, cases: Cases) -> list[Pair]:
    encoder = PairEncoder.from_directory(checkpoint.directory)
    limit = checkpoint.geometry.max_pair_tokens if checkpoint.geometry else 0
    policy = resolve_policy(
        TextSettings(), min(limit, encoder.settings.max_pair_tokens(TextSettings().preset) or limit)
    )
    encoded = [encoder.encode(case.query, case.documents, policy) for case in cases]
    return [pair for request in encoded for document in request.documents for pair in document.pairs]


def _logits(folder: Path, sets: Mapping[str, Cases]) -> tuple[dict[str, Logits], Notes]:
    with Reranker(str(folder), device="cpu", runtime="openvino") as reranker:
        logits = {name: [reranker.logits(each.query, each.documents) for each in sets[name]] for name in sets}
        return logits, reranker.notes


def _row(name: str, price: Mapping[str, float]) -> str:
    differences = (f"{price[f'{kind}_difference']:.4f}" for kind in ("max", "p99", "mean"))
    rest = f"{price['kendall_tau']:.4f} | {price['ndcg_at_10_float32']:.4f} | {price['ndcg_at_10']:.4f}"
    name = name.replace("|", r"\|")
    return f"| {name} | {price['pairs']} | {' | '.join(differences)} | {rest} | {price['ndcg_loss']:.2%} |"
