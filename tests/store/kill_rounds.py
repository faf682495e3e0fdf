"""Killing a fetcher at random moments, again and again, until one of them comes through."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bge_reranker.store.manifest import read_manifest
from bge_reranker.store.paths import Store
from bge_reranker.store.prune import prune
from bge_reranker.store.verification import verify

from .models import NEEDED, contents, fetch, model_files
from .servers.hub import running_hub

SOURCE = "hf://org/name"
WEIGHTS_BYTES = 4_000_000

_FETCHERS = """
import os, signal, sys, time
from pathlib import Path
from tests.store.models import fetch
for line in sys.stdin:
    delay_s, _, store = line.strip().partition(" ")
    process = os.fork()
    if process == 0:
        fetch(Path(store), sys.argv[1], os.environ)
        os._exit(0)
    time.sleep(float(delay_s))
    os.kill(process, signal.SIGKILL)
    print(os.waitpid(process, 0)[1], flush=True)
"""
"""Starts a fetcher for each line of standard input, kills it after a while, and says how it ended. It has one thread,
so that it may fork: what takes time, importing, is done once."""


def kill_rounds(directory: Path, kills: int, seed: int, longest_s: float) -> dict[str, Any]:
    """Kill fetchers of one version until enough were killed, then let one finish.

    Args:
        directory: An empty folder.
        kills: How many.
        seed: Of the moments.
        longest_s: Seconds within which each is killed.

    Returns:
        What was seen: kills, bytes that were asked for, versions that came through on the way.
    """
    moments = random.Random(seed)
    files = model_files(WEIGHTS_BYTES)
    killed = finished = number = 0
    with running_hub() as hub:
        # Slow enough that most kills hit the middle of a transfer.
        hub.server.faults.pause_s = 0.01
        commit = hub.add("org/name", files)
        with _fetchers({"PATH": "/usr/bin", **hub.environment}) as fetchers:
            while killed < kills:
                store = directory / str(number)
                if _is_killed(fetchers, store, moments.uniform(0.0, longest_s)):
                    killed += 1
                    assert_nothing_half_done(store, files)
                else:
                    finished += 1
                    number += 1
        hub.server.faults.pause_s = 0.0
        fetched = fetch(directory / str(number), SOURCE, hub.environment)
        asked = sum("range" in asked.headers for asked in hub.server.asked)
    assert fetched.version.revision == commit
    for store in directory.iterdir():
        assert prune(store, 1) == []
        (version,) = Store(store).versions()
        assert contents(version.path) == {name: files[name] for name in NEEDED}
        assert not [path for path in version.path.parent.iterdir() if path.suffix in {".staging", ".lock"}]
    return {"kills": killed, "came_through_before_the_kill": finished, "segments_asked_for": asked}


@contextmanager
def _fetchers(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _FETCHERS, SOURCE]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as fetchers:
        yield fetchers
        assert fetchers.stdin is not None
        fetchers.stdin.close()


def _is_killed(fetchers: subprocess.Popen[str], store: Path, delay_s: float) -> bool:
    """Start a fetcher, kill it after a while, and say whether it was still at work."""
    assert fetchers.stdin is not None
    assert fetchers.stdout is not None
    fetchers.stdin.write(f"{delay_s} {store}\n")
    fetchers.stdin.flush()
    status = int(fetchers.stdout.readline())
    assert status in {0, signal.SIGKILL}, status
    return status == signal.SIGKILL


def assert_nothing_half_done(store: Path, files: dict[str, bytes]) -> None:
    """What is called a version is one, down to its bytes."""
    for version in Store(store).versions():
        verify(version.path, read_manifest(version.path))
        assert contents(version.path) == {name: files[name] for name in NEEDED}
