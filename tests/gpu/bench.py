"""Speed of the torch engine: share of the matrix rate, precisions beside one another, latency, padded peers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from typing_extensions import override

from bge_reranker.engine.batch import Batch, Pair, pack
from bge_reranker.errors import SettingsError
from bge_reranker.model.families.geometry import Geometry
from bge_reranker.model.torch.scorer import TorchScorer

from .networks import random_pairs, random_scorer

BATCH_TOKENS = 16_384
"""As `engine.maxBatchTokens` is by default."""

PRECISIONS = ("bfloat16", "float16", "fp8", "int8_weights")


@dataclass(frozen=True)
class Load:
    """Lengths of pairs in tokens."""

    name: str
    mean: int
    deviation: int
    longest: int

    def lengths(self, pairs: int) -> list[int]:
        """Draw so many."""
        drawn = np.random.default_rng(0).normal(self.mean, self.deviation, pairs)
        return [int(length) for length in drawn.clip(8, self.longest)]


LOADS = (
    Load("natural questions, about 165 tokens", 165, 80, 512),
    Load("MLPerf's BERT lengths, about 174 tokens", 174, 75, 384),
    Load("256 tokens each", 256, 0, 256),
)


@dataclass(frozen=True)
class Row:
    """One line of the table; a figure of None was skipped, and `remark` says why."""

    what: str
    figure: float | None
    unit: str
    remark: str = ""

    @override
    def __str__(self) -> str:
        said = "skipped" if self.figure is None else f"{self.figure:,.4g} {self.unit}"
        return f"| {self.what} | {said} | {self.remark} |"


def measure(geometry: Geometry, device: str, pairs: int, rounds: int) -> Iterator[Row]:
    """Measure everything that this machine can, one row after the other."""
    rate = matrix_rate(device, rounds)
    yield Row("bf16 matrix products, 8,192 in every dimension", rate / 1e12, "TFLOP/s")
    rates: dict[str, float] = {}
    for precision in PRECISIONS:
        try:
            scorer = random_scorer(geometry, device, precision)
            scorer.warm_up(BATCH_TOKENS)
        except (ImportError, SettingsError, RuntimeError, AttributeError) as error:
            yield Row(precision, None, "", f"{type(error).__name__}: {error}".splitlines()[0])
            continue
        yield from _of_precision(scorer, geometry, precision, pairs, rounds, rate, rates)
        scorer.close()
    yield from padded_transformers(geometry, device, pairs, rounds, rates.get("bfloat16"))


def _of_precision(
    scorer: TorchScorer,
    geometry: Geometry,
    precision: str,
    pairs: int,
    rounds: int,
    rate: float,
    rates: dict[str, float],
) -> Iterator[Row]:
    bodies = ", ".join(f"{part} {name}" for part, name in scorer.description.bodies.items())
    notes = "; ".join(map(str, scorer.description.notes))
    yield Row(precision, float(scorer.description.batch_invariant), "batch-invariant", f"{bodies}. {notes}".strip())
    for load in LOADS:
        drawn = random_pairs(geometry, load.lengths(pairs))
        seconds = fastest(lambda drawn=drawn: [scorer.score(batch) for batch in batches(drawn)], rounds)  # type: ignore[misc] # bound now
        tokens = sum(map(len, drawn))
        if load is LOADS[0]:
            rates[precision] = len(drawn) / seconds
        yield Row(f"{precision}, {load.name}", tokens / seconds, "tokens/s", f"{len(drawn) / seconds:,.0f} pairs/s")
        if precision == "bfloat16":
            share = work(geometry, drawn) / seconds / rate
            yield Row(f"{precision}, {load.name}", 100 * share, "% of the matrix rate")
        elif load is LOADS[0] and "bfloat16" in rates:
            yield Row(f"{precision} beside bfloat16", rates[precision] / rates["bfloat16"], "times")
    hundred = batches(random_pairs(geometry, [256] * 100))
    times = [clocked(lambda: [scorer.score(batch) for batch in hundred]) for _ in range(4 * rounds)]
    yield Row(f"{precision}, 100 documents of 256 tokens, without HTTP", 1000 * median(times), "ms p50")
    lone = pack(random_pairs(geometry, [256]))
    times = [clocked(lambda: scorer.score(lone)) for _ in range(10 * rounds)]
    yield Row(f"{precision}, one document of 256 tokens, without HTTP", 1000 * median(times), "ms p50")


def padded_transformers(geometry: Geometry, device: str, pairs: int, rounds: int, ours: float | None) -> Iterator[Row]:
    """Measure what sentence-transformers computes with: transformers in bfloat16, sorted by length and padded."""
    what = "transformers in bf16, padded, as sentence-transformers computes"
    try:
        import transformers  # noqa: PLC0415 - a bare machine may lack it
    except ImportError as error:
        yield Row(what, None, "", f"no package {error.name}")
        return
    settings: Any = transformers.XLMRobertaConfig
    config = settings(
        vocab_size=geometry.vocabulary_size,
        hidden_size=geometry.hidden_size,
        num_hidden_layers=geometry.layers,
        num_attention_heads=geometry.heads,
        intermediate_size=geometry.intermediate_size,
        max_position_embeddings=geometry.positions,
        type_vocab_size=geometry.segment_types,
        num_labels=1,
    )
    with torch.device(device):
        build: Any = transformers.AutoModelForSequenceClassification.from_config
        model = build(config, dtype=torch.bfloat16).train(mode=False)
    lengths = sorted(LOADS[0].lengths(pairs), reverse=True)
    best = min((fastest(partial(_score_padded, model, lengths, size), rounds), size) for size in (32, 64, 128, 256))
    remark = f"transformers {transformers.__version__}, best of four batch sizes: {best[1]}"
    yield Row(what, pairs / best[0], "pairs/s", remark)
    if ours is not None:
        yield Row("ours in bf16 beside it", ours * best[0] / pairs, "times")


def _score_padded(model: Any, lengths: Sequence[int], size: int) -> None:
    with torch.inference_mode():
        for start in range(0, len(lengths), size):
            part = torch.tensor(lengths[start : start + size], device=model.device)
            mask = (torch.arange(int(part.max()), device=model.device)[None] < part[:, None]).long()
            model(input_ids=torch.where(mask.bool(), 5, 1), attention_mask=mask).logits.float().cpu()


def work(geometry: Geometry, pairs: Sequence[Pair]) -> float:
    """Floating-point operations: two for each weight and token, and four for each pair of tokens and unit of width."""
    hidden, wide = geometry.hidden_size, geometry.intermediate_size
    weights = geometry.layers * (4 * hidden**2 + 2 * hidden * wide)
    return float(sum(2 * weights * len(pair) + 4 * geometry.layers * hidden * len(pair) ** 2 for pair in pairs))


def matrix_rate(device: str, rounds: int, size: int = 8192) -> float:
    """Measure what products of large matrices reach in bfloat16, in floating-point operations a second."""
    size = size if device != "cpu" else 256
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    products = 20

    def multiply() -> None:
        for _ in range(products):
            left @ right
        if device != "cpu":
            torch.cuda.synchronize()

    return 2 * size**3 * products / fastest(multiply, rounds)


def batches(pairs: Sequence[Pair]) -> list[Batch]:
    """Cut into batches as full as the engine makes them."""
    made: list[Batch] = []
    held: list[Pair] = []
    tokens = 0
    for pair in pairs:
        if held and tokens + len(pair) > BATCH_TOKENS:
            made.append(pack(held))
            held, tokens = [], 0
        held.append(pair)
        tokens += len(pair)
    return [*made, pack(held)]


def fastest(work: Callable[[], object], rounds: int) -> float:
    """Run once in vain, then return the seconds of the fastest round."""
    work()
    return min(clocked(work) for _ in range(rounds))


def clocked(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
