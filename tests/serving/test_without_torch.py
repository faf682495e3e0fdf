from __future__ import annotations

import subprocess
import sys

import httpx


def test_cpu_serves_a_request_when_torch_pillow_and_what_sends_traces_cannot_be_imported() -> None:
    flags = "serve --port 0 --management-port 0 --drain-delay-s 0 --log-level warning --threads 1".split()
    command = [sys.executable, "-m", "tests.serving.serve_without_torch", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = next(line.split()[-1] for line in process.stdout if line.startswith("Ready:"))
            body = {"query": "capital of France", "candidates": ["Bananas are yellow.", "Paris, capital of France"]}
            answer = httpx.post(f"{address}/rerank", json=body, timeout=60)
            info = httpx.get(f"{address}/info", timeout=60).json()
        finally:
            process.terminate()
    assert answer.json()["ranked_candidates"][0] == "Paris, capital of France"
    assert info["scorer"]["runtime"].startswith("openvino")
    assert info["scorer"]["batch_invariant"] is True
    assert info["scorer"]["threads"] == 1


def test_a_dual_encoder_is_refused_by_name_where_torch_and_pillow_are_missing() -> None:
    command = [sys.executable, "-m", "tests.serving.serve_without_torch", "serve", "--model", "demo-clip"]
    flags = "--port 0 --management-port 0 --log-level warning".split()

    ended = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode != 0
    needs = "CLIPModel is a dual encoder for pictures and texts, which needs torch, transformers, Pillow"
    assert needs in " ".join(ended.stderr.split())
    assert "bge-reranker[torch,vision]" in ended.stderr
