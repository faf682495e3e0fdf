"""Runs in FlagEmbedding's own environment: folder, pairs, output -> raw logits. Imports nothing of this tree."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from FlagEmbedding import FlagReranker


def main(folder: str, pairs_path: str, output_path: str) -> None:
    """Score all pairs in float32 on the CPU, with the reference's own defaults for everything about texts."""
    pairs = [(pair["query"], pair["document"]) for pair in json.loads(Path(pairs_path).read_text(encoding="utf-8"))]
    reranker = FlagReranker(folder, use_fp16=False, devices="cpu", batch_size=8)
    scores = reranker.compute_score(pairs, normalize=False)
    Path(output_path).write_text(json.dumps([float(score) for score in scores]))


if __name__ == "__main__":
    main(*sys.argv[1:])
