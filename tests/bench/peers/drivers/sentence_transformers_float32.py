"""sentence-transformers' CrossEncoder with torch in float32, as its documentation calls it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import CrossEncoder

from tests.bench.peers.drivers.driving import Request, Score, drive

BATCH_PAIRS = 32
"""The library's default."""


def scoring(model: Any, requests: list[Request]) -> Score:
    """Score through `predict`, logits before any activation."""

    def score(numbers: Sequence[int]) -> list[float]:
        pairs = [(requests[n]["query"], document) for n in numbers for document in requests[n]["documents"]]
        found = model.predict(pairs, batch_size=BATCH_PAIRS, activation_fn=torch.nn.Identity(), show_progress_bar=False)
        return [float(value) for value in found]

    return score


def load(folder: Path, requests: list[Request], _: Path) -> Score:
    return scoring(CrossEncoder(str(folder), device="cpu", max_length=512), requests)


if __name__ == "__main__":
    drive(load)
