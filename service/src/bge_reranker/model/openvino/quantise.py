"""A floating-point checkpoint to an int8 one: ranges from calibration pairs, smoothing, weights, files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...checkpoint_files import CONFIG_FILE, WEIGHTS_FILE
from ...engine.batch import Pair, pack
from ...errors import CorruptFile
from ...precision import FLOAT32
from ..checkpoint.arrays import StoredTensor, write_tensors
from ..checkpoint.folder import Checkpoint
from ..checkpoint.int8 import QUANTISATION_METHOD, RANGE, SCALE, SMOOTHING, InputRange, Int8Linear, quantise_weight
from ..families.geometry import Geometry
from ..machine.threads import granted_threads
from .embedding_rows import EmbeddingRows
from .graph import HIDDEN, MASK, build_graph
from .runtime import openvino
from .scorer import OpenVinoScorer
from .signal_stack import kept_signal_stack

_ALPHAS = (0.0, 0.5, 0.75, 0.9)
"""How much of the spread of channels is moved from inputs into weights; the one with the least error is taken."""

SENSITIVITY_LIMITS = (0.02, 0.005, 0.00125)
"""Mean change of a logit by one layer alone, beside the logits' standard deviation, above which the layer stays in
float. Tried in this order until the gate passes: most layers in 8 bits first."""

_SENSITIVITY_PAIRS = 16
"""Most pairs that each layer's sensitivity is measured on: the longest part of the work."""

_SAMPLED_ROWS = 256
"""Most rows of a layer's inputs that errors are measured on."""

_ROWS_OF_A_PAIR = 16
"""Most rows that one pair gives to the sample."""


@dataclass
class InputStatistics:
    """What calibration saw of one layer's input."""

    lowest: NDArray[np.float32]
    """float32 (I,)"""
    highest: NDArray[np.float32]
    """float32 (I,)"""
    samples: list[NDArray[np.float32]] = field(default_factory=list)
    """Rows, float32 (R, I) each."""

    @classmethod
    def empty(cls, inputs: int) -> InputStatistics:
        """Nothing seen yet."""
        return cls(np.full(inputs, np.inf, np.float32), np.full(inputs, -np.inf, np.float32))

    def see(self, rows: NDArray[np.float32]) -> None:
        """Take note of float32 (R, I)."""
        self.lowest = np.minimum(self.lowest, rows.min(axis=0))
        self.highest = np.maximum(self.highest, rows.max(axis=0))
        if sum(map(len, self.samples)) < _SAMPLED_ROWS:
            chosen = np.linspace(0, len(rows) - 1, min(len(rows), _ROWS_OF_A_PAIR)).astype(int)
            self.samples.append(rows[chosen].copy())


def observe_inputs(
    tensors: Mapping[str, StoredTensor], geometry: Geometry, pairs: Sequence[Pair]
) -> dict[str, InputStatistics]:
    """Run pairs through the float32 graph and note the inputs of every linear layer.

    Args:
        tensors: The checkpoint in floating point.
        geometry: Its sizes.
        pairs: At least one.

    Returns:
        Statistics by the layer's name.
    """
    model = build_graph(tensors, geometry, taps=True)
    options = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    with kept_signal_stack():
        request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
    embeddings = EmbeddingRows(tensors, geometry)
    statistics: dict[str, InputStatistics] = {}
    for pair in pairs:
        embedded = embeddings.look_up(pair.tokens[None].astype(np.int64), pair.types[None].astype(np.int64))
        request.infer({HIDDEN: embedded, MASK: np.zeros((1, 1, 1, len(pair)), np.float32)})
        for name in geometry.family.linear_names(geometry):
            rows = np.asarray(request.get_tensor(name).data)[0]
            statistics.setdefault(name, InputStatistics.empty(rows.shape[-1])).see(rows)
    return statistics


def choose_int8(weight: NDArray[np.float32], seen: InputStatistics) -> Int8Linear:
    """Find the smoothing with the least error on the sampled rows.

    Args:
        weight: float32 (O, I).
        seen: What its inputs look like.
    """
    rows = np.concatenate(seen.samples)
    expected = rows @ weight.T
    candidates = []
    for alpha in _ALPHAS:
        linear = quantise_weight(weight, _range(weight, seen, alpha))
        limits = linear.range
        found = (limits.round(rows) / limits.smoothing) @ linear.floats().T
        error = _relative_error(np.asarray(found, dtype=np.float32), expected)
        candidates.append((error, linear))
    return min(candidates, key=lambda candidate: candidate[0])[1]


def quantise_layers(
    checkpoint: Checkpoint, tensors: Mapping[str, StoredTensor], pairs: Sequence[Pair]
) -> dict[str, tuple[Int8Linear, float]]:
    """Quantise every layer of the encoder and measure what each alone does to the logits.

    An error of a layer's output says little: it may be lost in the next norm, or decide what the head reads.

    Args:
        checkpoint: Of the packed family.
        tensors: Its tensors in floating point.
        pairs: At least one.

    Returns:
        By name the layer and its sensitivity, in standard deviations of the logits.

    Raises:
        CorruptFile: If the model computes what is no number.
    """
    if checkpoint.geometry is None:
        raise ValueError("only packed checkpoints get here; this is a bug")
    statistics = observe_inputs(tensors, checkpoint.geometry, pairs)
    batch = pack(pairs[:: -(-len(pairs) // _SENSITIVITY_PAIRS)])

    def logits(layers: Mapping[str, Int8Linear]) -> NDArray[np.float64]:
        scorer = OpenVinoScorer(checkpoint, with_int8(tensors, layers), FLOAT32, granted_threads())
        return scorer.score(batch).astype(np.float64)

    exact = logits({})
    ranges = [values for each in statistics.values() for values in (each.lowest, each.highest)]
    if not (np.isfinite(exact).all() and all(np.isfinite(values).all() for values in ranges)):
        raise CorruptFile(
            "The model computes NaN or infinite numbers of the texts that calibrate; its weights hold such.",
            remedy="Quantise weights that are whole; ask their source.",
        )
    spread = float(exact.std()) or 1.0
    layers = {}
    for name in checkpoint.geometry.family.linear_names(checkpoint.geometry):
        linear = choose_int8(tensors[f"{name}.weight"].floats(), statistics[name])
        layers[name] = (linear, float(np.abs(logits({name: linear}) - exact).mean()) / spread)
    return layers


def with_int8(tensors: Mapping[str, StoredTensor], layers: Mapping[str, Int8Linear]) -> dict[str, StoredTensor]:
    """Put layers in 8 bits, by their name, in the place of their weights."""
    stored = dict(tensors)
    for name, linear in layers.items():
        limits = np.array([linear.range.low, linear.range.high], dtype=np.float32)
        stored[f"{name}.weight"] = StoredTensor(linear.weight, "I8")
        for part, values in ((SCALE, linear.scale), (RANGE, limits), (SMOOTHING, linear.range.smoothing)):
            stored[f"{name}.{part}"] = StoredTensor(values, "F32")
    return stored


def write_checkpoint(
    source: Checkpoint,
    tensors: Mapping[str, StoredTensor],
    layers: Mapping[str, Int8Linear],
    facts: Mapping[str, Any],
    folder: Path,
    *,
    left_out: Collection[str] = (),
) -> None:
    """Write the quantised checkpoint beside nothing else.

    Args:
        source: Where configuration and tokenizer come from.
        tensors: Its tensors.
        layers: What replaces weights, by the layer's name.
        facts: What config.json shall say of the quantisation.
        folder: An empty folder.
        left_out: Names of files beside the source's weights that tell of the source only.
    """
    write_tensors(with_int8(tensors, layers), folder / WEIGHTS_FILE)
    for path in source.directory.iterdir():
        is_wanted = path.suffix in {".json", ".model", ".txt"} and "safetensors" not in path.name
        if path.is_file() and is_wanted and path.name not in left_out:
            shutil.copyfile(path, folder / path.name)
    write_facts(source, facts, folder)


def write_facts(source: Checkpoint, facts: Mapping[str, Any], folder: Path) -> None:
    """Write config.json with what is known of the quantisation."""
    config = {**source.config, "quantization_config": {"quant_method": QUANTISATION_METHOD, **facts}}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _relative_error(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Compare each row's error with that row's length, and take the mean.

    Over all rows together the few long ones, such as those of special tokens, would hide what happens to the others.
    """
    lengths = np.maximum(np.linalg.norm(expected.astype(np.float64), axis=1), np.finfo(np.float32).tiny)
    return float((np.linalg.norm((found - expected).astype(np.float64), axis=1) / lengths).mean())


def _range(weight: NDArray[np.float32], seen: InputStatistics, alpha: float) -> InputRange:
    reach: NDArray[np.float32] = np.maximum(np.maximum(np.abs(seen.lowest), np.abs(seen.highest)), 1e-5)
    columns = np.maximum(np.abs(weight).max(axis=0), 1e-5)
    smoothing = np.ones(len(reach))
    if alpha:
        smoothing = reach.astype(np.float64) ** alpha / columns.astype(np.float64) ** (1 - alpha)
    smoothing /= np.exp(np.log(smoothing).mean())
    scales = smoothing.astype(np.float32)
    low = min(float((seen.lowest / scales).min()), 0.0)
    high = max(float((seen.highest / scales).max()), low + 1e-5)
    # As they will be stored, so that what is measured is what will be served.
    return InputRange(float(np.float32(low)), float(np.float32(high)), scales)
