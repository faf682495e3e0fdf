"""Whole server processes, one after the other, as a rollout starts them: judged, carried, refused."""

from __future__ import annotations

import importlib.resources
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bge_reranker.demo import demo_model_directory
from bge_reranker.errors import GateFailed, GateInputChanged
from bge_reranker.evaluation.cases import InvalidJudgements, load_cases
from bge_reranker.evaluation.thresholds import Thresholds, gate_hash, parse_cut_offs
from bge_reranker.reranker import Reranker

WAIT_S = 60.0
SHIPPED = Path(str(importlib.resources.files("bge_reranker.evaluation"))) / "shipped.jsonl"
OLD, NEW = "127.0.0.2", "127.0.0.3"
"""Two addresses of this machine, as two pods have them: the ports are the same."""


@dataclass(frozen=True)
class Ports:
    """What every server of one service listens on."""

    api: int
    management: int


@pytest.fixture(scope="module")
def ports() -> Ports:
    found = []
    with socket.create_server((OLD, 0)) as first, socket.create_server((OLD, 0)) as second:
        found = [each.getsockname()[1] for each in (first, second)]
    return Ports(*found)


@pytest.fixture(scope="module")
def scrambled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model with its embeddings in another order: well-formed, and worthless."""
    folder = tmp_path_factory.mktemp("models") / "scrambled"
    shutil.copytree(demo_model_directory(), folder)
    weights = load_file(folder / "model.safetensors")
    (table,) = [name for name in weights if name.endswith("word_embeddings.weight")]
    weights[table] = np.ascontiguousarray(np.random.default_rng(1).permutation(weights[table]))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def golden_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Queries whose best candidate is the one that the embedded model ranks first."""
    file = tmp_path_factory.mktemp("golden") / "golden.jsonl"
    with Reranker("demo", threads=1) as reranker:
        lines = []
        for case in load_cases(SHIPPED):
            best, *others = [ranked.text for ranked in reranker.rank(case.query, case.documents)]
            lines.append(json.dumps({"query": case.query, "positive": [best], "negative": others}))
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@contextmanager
def starting(folder: Path, host: str, ports: Ports, **settings: Any) -> Iterator[subprocess.Popen[bytes]]:
    own = {"port": ports.api, "management_port": ports.management, "peers": f"{OLD}, {NEW}", "threads": 1}
    own |= {"drain_delay_s": 0, "termination_log": folder / host}
    environment = {f"BGE_RERANKER_{name.upper()}": str(value) for name, value in {**own, **settings}.items()}
    command = [sys.executable, "-m", "bge_reranker", "serve", "--host", host, "--management-host", host]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def info_when_ready(process: subprocess.Popen[bytes], host: str, ports: Ports) -> dict[str, Any]:
    tick = threading.Event()
    for _ in range(1_000):
        assert process.poll() is None, "it ended"
        with suppress(httpx.TransportError):
            info: dict[str, Any] = httpx.get(f"http://{host}:{ports.management}/info").json()
            if info["ready"]:
                return info
        tick.wait(0.05)
    raise AssertionError("it never became ready")


def last_words(process: subprocess.Popen[bytes], folder: Path, host: str) -> dict[str, Any]:
    process.wait(WAIT_S)
    said: dict[str, Any] = json.loads((folder / host).read_bytes())
    return said


def test_a_version_is_judged_once_and_a_worse_one_never_becomes_ready(
    tmp_path: Path, ports: Ports, golden_set: Path, scrambled: Path
) -> None:
    demanded = {"golden_set_file": golden_set, "max_ndcg_loss": 0.02, "min_kendall_tau": 0.9, "cut_offs": "a=0.5"}
    golden = sha256(golden_set.read_bytes()).hexdigest()
    with starting(tmp_path, OLD, ports, model="demo", **demanded) as old:
        first = info_when_ready(old, OLD, ports)
        # Nobody serves yet, so that nothing can be compared.
        assert (first["gate"]["verdict"], first["gate"]["reference_digest"]) == ("passed", None)
        assert first["gate"]["hash"] == gate_hash(golden, Thresholds(None, 0.02, 0.9, parse_cut_offs("a=0.5")))
        with starting(tmp_path, NEW, ports, model="demo", **demanded) as second:
            assert info_when_ready(second, NEW, ports)["gate"] == {**first["gate"], "verdict": "carried"}
        with starting(tmp_path, NEW, ports, model=scrambled, **demanded) as worse:
            said = last_words(worse, tmp_path, NEW)
        assert (said["code"], worse.returncode) == ("GateFailed", GateFailed.exit_code)
        assert said["figures"]["reference_digest"] == first["model"]["digest"]
        assert said["figures"]["ndcg_loss"] > 0.02
        assert said["figures"]["worse"][0]["query"]
        # A process that stands still takes connections and says nothing, so that it is nobody's reference.
        old.send_signal(signal.SIGSTOP)
        with starting(tmp_path, NEW, ports, model=scrambled, **demanded, min_ndcg_at_10=0.99) as alone:
            said = last_words(alone, tmp_path, NEW)
        old.send_signal(signal.SIGCONT)
        assert (said["code"], said["figures"]["reference_digest"]) == ("GateFailed", None)
        assert "at least 0.99 is demanded" in said["message"]
    assert old.returncode == 0


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"golden_set_file": SHIPPED, "golden_set_sha256": "0" * 64}, GateInputChanged),
        ({"golden_set_file": __file__}, InvalidJudgements),
    ],
)
def test_a_golden_set_that_is_not_the_one_meant_ends_the_start_before_the_model_is_loaded(
    tmp_path: Path, ports: Ports, settings: dict[str, Any], kind: type[Exception]
) -> None:
    with starting(tmp_path, NEW, ports, model="/nowhere", **settings) as process:
        assert last_words(process, tmp_path, NEW)["code"] == kind.__name__
