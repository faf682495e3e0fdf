"""Who is compared, and how each is started."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.locked_environment import python_of
from tests.parity.peers import view_of

from .checkpoints import float_checkpoint, int8_checkpoint
from .direct import ROOT, DirectContestant
from .served import ServedContestant, free_port
from .workload import Workload

Running = DirectContestant | ServedContestant
_FOR_TRANSFORMERS_4 = "XLMRobertaTokenizer"
_FOR_TRANSFORMERS_5 = "PreTrainedTokenizerFast"


@dataclass(frozen=True)
class Start:
    """What starting a contestant needs."""

    shape: str
    cache: Path
    """Where checkpoints and environments stay between runs."""
    scratch: Path
    """An empty folder of this contestant's own."""
    workload: Workload


@dataclass(frozen=True)
class Contestant:
    """One row of the comparison."""

    name: str
    precision: Literal["float32", "int8"]
    is_served: bool
    """Whether it answers over HTTP; else it is called directly."""
    start: Callable[[Start], Running]


def contestants(tei_url: str | None) -> dict[str, Contestant]:
    """List all, by a short name; text-embeddings-inference where one runs."""
    found = {
        "int8": Contestant("bge-reranker int8, HTTP", "int8", True, _ours(int8_checkpoint)),
        "float32": Contestant("bge-reranker float32, HTTP", "float32", True, _ours(float_checkpoint)),
        "openvino": Contestant(
            "bare loop: OpenVINO, NNCF static int8, sorted, batch 4",
            "int8",
            False,
            _direct("bench-openvino", "openvino_int8", _FOR_TRANSFORMERS_5),
        ),
        "onnx-int8": Contestant(
            "sentence-transformers ONNX int8 (avx512_vnni), direct",
            "int8",
            False,
            _direct("bench-sentence-transformers-onnx", "sentence_transformers_int8", _FOR_TRANSFORMERS_5),
        ),
        "torch-float32": Contestant(
            "sentence-transformers torch float32, direct",
            "float32",
            False,
            _direct("peer-sentence-transformers", "sentence_transformers_float32", _FOR_TRANSFORMERS_5),
        ),
        "infinity": Contestant("infinity torch float32, HTTP", "float32", True, _infinity),
    }
    if tei_url:
        found["tei"] = Contestant(
            f"text-embeddings-inference at {tei_url}, HTTP",
            "float32",
            True,
            lambda start: ServedContestant(tei_url, _tei_body, start.workload),
        )
    return found


def _ours(checkpoint: Callable[[str, Path], Path]) -> Callable[[Start], Running]:
    def start(how: Start) -> Running:
        port, program = free_port(), Path(sys.executable).with_name("bge-reranker")
        options = f"--host 127.0.0.1 --port {port} --management-port 0 --log-level warning --deadline-s 600".split()
        command: list[str | Path] = [program, "serve", "--model", checkpoint(how.shape, how.cache), *options]
        return ServedContestant(f"http://127.0.0.1:{port}", _raw_scores_body, how.workload, command)

    return start


def _infinity(how: Start) -> Running:
    python, port = _python_of("bench-infinity", how.cache), free_port()
    folder = view_of(float_checkpoint(how.shape, how.cache), how.scratch / "model", _FOR_TRANSFORMERS_4)
    options = f"--host 127.0.0.1 --port {port} --engine torch --device cpu --no-bettertransformer".split()
    program: list[str | Path] = [python.with_name("infinity_emb"), "v2", "--model-id", folder]
    command = [*program, *options, "--served-model-name", "model"]
    return ServedContestant(f"http://127.0.0.1:{port}", _infinity_body, how.workload, command)


def _direct(lock: str, driver: str, tokenizer_class: str) -> Callable[[Start], Running]:
    def start(how: Start) -> Running:
        folder = view_of(float_checkpoint(how.shape, how.cache), how.scratch / "model", tokenizer_class)
        python = _python_of(lock, how.cache)
        # The environment's name holds the hash of its lock, so that another version converts anew.
        kept = how.cache / "converted" / f"{python.parent.parent.name}-{how.shape}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        return DirectContestant(python, driver, folder, how.workload, how.scratch, kept)

    return start


def _python_of(lock: str, cache: Path) -> Path:
    return python_of(lock, ROOT / "requirements" / f"{lock}.txt", cache / "peers")


def _raw_scores_body(request: dict[str, object]) -> dict[str, object]:
    return {**request, "raw_scores": True}


def _infinity_body(request: dict[str, object]) -> dict[str, object]:
    return {**request, "raw_scores": True, "model": "model"}


def _tei_body(request: dict[str, object]) -> dict[str, object]:
    return {"query": request["query"], "texts": request["documents"], "raw_scores": True}
