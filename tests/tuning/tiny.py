"""A tiny random base with the embedded model's tokenizer, and texts to train it on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from bge_reranker.demo import demo_model_directory
from bge_reranker.tuning.options import TuningOptions
from bge_reranker.tuning.run import FineTuning, Reports
from tests.model.checkpoints import packed_model, save

COLOURS = "red green blue yellow black white brown grey purple orange".split()
THINGS = ("apple", "train")
QUERIES = 2 * len(COLOURS)
OPTIONS = TuningOptions(
    epochs=2, learning_rate=3e-3, batch_queries=4, documents=3, evaluations=4, hold_out=0.2, mining="none"
)


def make_base(folder: Path) -> Path:
    """One layer, random weights."""
    demo = demo_model_directory()
    size = json.loads((demo / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    model = packed_model("xlm-roberta", vocab_size=size, hidden_size=16, num_hidden_layers=1, intermediate_size=24)
    save(model, folder)
    for path in demo.iterdir():
        if "token" in path.name:
            shutil.copy(path, folder / path.name)
    return folder


def make_texts(file: Path) -> Path:
    """Which colour a thing has."""
    lines = [
        {"query": f"{thing} {colour}", "pos": [f"a {colour} {thing}"], "neg": [f"a {other} {thing}", "a stone"]}
        for thing in THINGS
        for colour, other in zip(COLOURS, COLOURS[1:] + COLOURS[:1], strict=True)
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


def make_taught_texts(file: Path) -> Path:
    """The same with a teacher's scores."""
    lines = [json.loads(line) for line in make_texts(file).read_text(encoding="utf-8").splitlines()]
    taught = [{**line, "pos_scores": [3.0], "neg_scores": [-1.0, -4.0]} for line in lines]
    file.write_text("\n".join(map(json.dumps, taught)), encoding="utf-8")
    return file


def run_of(
    base: Path,
    texts: Path,
    work: Path,
    options: TuningOptions = OPTIONS,
    on_step: Callable[[int, int], object] | None = None,
) -> FineTuning:
    """A run that nobody listens to."""
    silent = Reports(lambda _: None, lambda _: None, on_step or (lambda _done, _all: None))
    return FineTuning(str(base), texts, options, work, silent)
