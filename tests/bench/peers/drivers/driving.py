"""The line protocol between the benchmark and a peer that is called directly.

Standard input: `check`, or `run SECONDS`; standard output: one line of JSON for each, and one when the model is ready.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

GROUP_REQUESTS = 4
"""Requests whose pairs a peer gets in one call: 64 pairs, so that it can sort and batch them as it likes."""

Request = dict[str, Any]
Score = Callable[[Sequence[int]], list[float]]


def drive(load: Callable[[Path, list[Request], Path], Score]) -> None:
    """Load what the arguments name and answer standard input until it ends.

    Args:
        load: Given the model's folder, the requests and a folder that keeps what was converted for the next run,
            returns what scores requests by their numbers.
    """
    answers = os.fdopen(os.dup(1), "w")
    # Libraries print to standard output, where only answers belong.
    os.dup2(2, 1)
    folder, requests = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    began = time.perf_counter()
    score = load(folder, requests, Path(sys.argv[3]))
    first = score([0])
    _say(answers, {"start_s": time.perf_counter() - began})
    for line in sys.stdin:
        command, *rest = line.split()
        _say(answers, {"logits": first} if command == "check" else _run(score, len(requests), float(rest[0])))


def _run(score: Score, count: int, seconds: float) -> dict[str, Any]:
    """Score groups of requests round and round until the time is up; the last group is finished and counted."""
    done: list[int] = []
    began, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        group = [(len(done) + offset) % count for offset in range(GROUP_REQUESTS)]
        score(group)
        done += group
    return {"requests": done, "seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}


def _say(answers: Any, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()
