"""Long-running programs of the cluster: started with a mark in their environment, by which all of them are found."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from tests.cluster.failures import ClusterError, last_lines
from tests.cluster.layout import FOLDER, LOGS, MARKER

POLL_S = 0.1
"""Pause between two looks at something that is being waited for."""


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a component whose output goes to its own log; `prefix` puts it into a namespace."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [*prefix, *(str(word) for word in command)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {}), MARKER: str(FOLDER)},
            cwd="/",
            start_new_session=True,
        )


def await_healthy(name: str, process: subprocess.Popen[bytes], is_healthy: Callable[[], bool], limit_s: float) -> None:
    """Wait until a component answers.

    Raises:
        ClusterError: It ended, or did not answer in time; with the end of its log.
    """
    deadline = time.monotonic() + limit_s
    while not is_healthy():
        if process.poll() is not None:
            raise ClusterError(
                f"{name} ended with {process.returncode}. Its log ends:\n{last_lines(LOGS / f'{name}.log')}"
            )
        if time.monotonic() > deadline:
            log = LOGS / f"{name}.log"
            raise ClusterError(f"{name} did not answer within {limit_s:g} s. {log} ends:\n{last_lines(log)}")
        time.sleep(POLL_S)


def await_condition(what: str, holds: Callable[[], bool], limit_s: float) -> None:
    """Wait for something that no process of ours is known by.

    Raises:
        ClusterError: It did not come to be in time.
    """
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {limit_s:g} s.")
        time.sleep(POLL_S)


def marked(value: str = str(FOLDER)) -> Iterator[psutil.Process]:
    """Every process that carries the cluster's mark, other than this one."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARKER) == value:
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
