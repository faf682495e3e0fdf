"""The tutorial of docs/finetune.md, run as printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bge_reranker.errors import GateFailed
from tests.control_plane.processes import free_port
from tests.docs.blocks import Block, blocks_of

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
TIME_LIMIT_S = 900.0
TRAIN, JUDGE, TRAIN_SHUFFLED, JUDGE_SHUFFLED = range(4)


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
    )


def run_block(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    return run(["bash", "-euo", "pipefail", "-c", block.text], folder)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    port = free_port()
    flags = ["--port", str(port), "--management-port", str(free_port()), "--drain-delay-s", "0", "--threads", "1"]
    command = [str(BIN / "bge-reranker"), "serve", "--model", str(folder), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(line.startswith("Ready: ") for line in process.stdout)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def ranked_first(url: str, query: str, documents: list[str]) -> tuple[str, str]:
    """The best document, and the digest of what ranked it."""
    body = json.dumps({"query": query, "candidates": documents}).encode()
    request = urllib.request.Request(f"{url}/rerank", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["ranked_candidates"][0], answer.headers["X-Model-Digest"]


def test_the_tutorial_gains_on_held_out_queries_is_served_and_has_shuffled_labels_refused(tmp_path: Path) -> None:
    page = blocks_of("docs/finetune.md")
    (texts,) = (block for block in page if block.language == "python")
    steps = [block for block in page if block.language == "sh" and block.commands[0][1] != "serve"]
    assert run([sys.executable, "-c", texts.text], tmp_path).returncode == 0

    trained = run_block(steps[TRAIN], tmp_path)
    assert trained.returncode == 0, trained.stderr
    figures = json.loads((tmp_path / "domain-v1" / "training.json").read_text(encoding="utf-8"))
    difference = figures["evaluation"]["comparisons"][0]["differences"]["ndcg_at_10"]
    assert difference["low"] > 0, difference
    judged = run_block(steps[JUDGE], tmp_path)
    assert judged.returncode == 0, judged.stdout + judged.stderr

    held_out = [json.loads(line) for line in (tmp_path / "domain-v1" / "held-out.jsonl").read_bytes().splitlines()]
    manifest = json.loads((tmp_path / "domain-v1" / "manifest.json").read_text(encoding="utf-8"))
    with served(tmp_path / "domain-v1") as url:
        first = [
            ranked_first(url, line["query"], [candidate["text"] for candidate in line["candidates"]])
            for line in held_out
        ]
    grades = [{candidate["text"]: candidate["grade"] for candidate in line["candidates"]} for line in held_out]
    right = sum(graded[text] for graded, (text, _) in zip(grades, first, strict=True)) / len(held_out)
    reciprocal = figures["evaluation"]["results"][0]["measures"]["mrr_at_10"]
    assert right <= reciprocal + 1e-9
    assert right > 0.5
    assert {digest for _, digest in first} == {manifest["digest"]}

    assert run_block(steps[TRAIN_SHUFFLED], tmp_path).returncode == 0
    refused = run_block(steps[JUDGE_SHUFFLED], tmp_path)
    assert refused.returncode == GateFailed.exit_code, refused.stdout + refused.stderr
