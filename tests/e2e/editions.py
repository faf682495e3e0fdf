"""What the editions of the hub's model are and score, found out in this process, without a server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bge_reranker import Reranker
from tests.e2e.model_hub import edition
from tests.e2e.questions import SUBJECTS, WORDINGS
from tests.e2e.search_pod.steady_load import BODY

TOLERANCE = 1e-4
"""Scores nearer than this may be of one model: the pod's processor may round otherwise."""

DEMO = Path(__file__).resolve().parents[2] / "service" / "src" / "bge_reranker" / "demo" / "model"
PROGRAM = Path(sys.executable).with_name("bge-reranker")

Scores = dict[str, list[float]]
"""By digest, what the load's candidates get."""


def scores_of(editions: Iterable[str], folder: Path) -> dict[str, tuple[str, list[float]]]:
    """By edition: digest, and the scores that it gives the candidates of the load."""
    files = {path.name: path.read_bytes() for path in sorted(DEMO.iterdir())}
    return {name: _scored(edition(files, name), folder / (name or "itself")) for name in editions}


def _scored(files: dict[str, bytes], folder: Path) -> tuple[str, list[float]]:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    printed = subprocess.run([PROGRAM, "model", "digest", str(folder)], capture_output=True, text=True, check=True)
    with Reranker(str(folder), device="cpu") as reranker:
        ranked = reranker.rank(BODY["query"], BODY["candidates"])
    by_index = {document.index: document.score for document in ranked}
    return printed.stdout.split()[-1], [by_index[index] for index in range(len(by_index))]


def wrong_scores(outcomes: Iterable[dict[str, Any]], right: Scores) -> list[dict[str, Any]]:
    """Answers of a digest that nobody should serve, or with other scores than that version gives."""
    return [each for each in outcomes if each["failure"] is None and not _is_right(each, right)]


def _is_right(outcome: dict[str, Any], right: Scores) -> bool:
    scores = right.get(outcome["digest"], [])
    pairs = zip(outcome["scores"], scores, strict=False)
    return len(scores) == len(outcome["scores"]) and all(abs(one - other) <= TOLERANCE for one, other in pairs)


def golden_set() -> str:
    """A question on each subject, whose text is the one right candidate."""
    lines = []
    for subject, text in SUBJECTS.items():
        others = [each for each in SUBJECTS.values() if each != text]
        lines.append(json.dumps({"query": WORDINGS[0].format(subject), "positive": [text], "negative": others}))
    return "\n".join(lines) + "\n"
