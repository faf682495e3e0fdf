"""The installed program in surroundings of a test's choice: a whole process, asked over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

QUERY = "what is a panda"
DOCUMENTS = ["The giant panda is a bear of China.", "hi", "熊猫吃竹子", "A bicycle has two wheels and no engine. " * 12]

_PROGRAM = Path(sys.executable).with_name("bge-reranker")
_FLAGS = "--host 127.0.0.1 --port 0 --management-port 0 --drain-delay-s 0 --log-format json".split()
_ANSWER_S = 120.0


@dataclass(frozen=True)
class Served:
    """What a server said."""

    scorer: dict[str, Any]
    """The scorer's part of `/info`."""

    logits: list[float]
    """Of `DOCUMENTS`, in their order."""


@dataclass(frozen=True)
class Refused:
    """How a server ended that could not serve."""

    exit_code: int
    words: str


def serve(
    surroundings: Sequence[str], model: Path | str = "demo", variables: Mapping[str, str] | None = None
) -> Served | Refused:
    """Start the server, ask it once, and end it.

    Args:
        surroundings: Command that runs another one in them.
        model: What `--model` takes.
        variables: Further environment variables.
    """
    environment = {**os.environ, **(variables or {})}
    command = [*surroundings, str(_PROGRAM), "serve", "--model", str(model), *_FLAGS]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            return _ask(process)
        finally:
            process.kill()


def _ask(process: subprocess.Popen[str]) -> Served | Refused:
    assert process.stdout is not None
    assert process.stderr is not None
    address = next((line.split()[-1] for line in process.stdout if line.startswith("Ready:")), None)
    if address is None:
        words = process.stderr.read()
        return Refused(process.wait(), words)
    management = next(line["management"] for line in map(json.loads, process.stderr) if line["event"] == "listening")
    body = {"query": QUERY, "texts": DOCUMENTS, "raw_scores": True}
    answer = httpx.post(f"{address}/dialects/tei/rerank", json=body, timeout=_ANSWER_S).raise_for_status().json()
    info = httpx.get(f"{management}/info", timeout=_ANSWER_S).raise_for_status().json()
    by_index = {item["index"]: item["score"] for item in answer}
    return Served(info["scorer"], [by_index[index] for index in range(len(DOCUMENTS))])
