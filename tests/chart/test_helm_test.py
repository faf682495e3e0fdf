"""The program of `helm test`, against live servers; that it passes on a release is shown end to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bge_reranker.guard.api_keys import hashed
from tests.chart.rendering import CHART
from tests.live.server import LiveServer, live_server


def ask(*addresses: str) -> subprocess.CompletedProcess[str]:
    program = (CHART / "files" / "helm_test.py").read_text(encoding="utf-8")
    return subprocess.run([sys.executable, "-c", program, *addresses], capture_output=True, text=True, check=False)


def test_a_wrong_order_fails_and_shows_the_answer(server: LiveServer) -> None:
    # The scripted scorer gives these candidates one score, so the first of them stands first.
    done = ask(server.url, server.management_url)
    assert done.returncode == 1
    assert "ok: the Service answers a ranking" in done.stdout
    assert "FAILED: the right candidate is the best" in done.stderr
    assert "relevance" in done.stderr or "score" in done.stderr


def test_a_release_that_is_not_ready_fails_with_the_reason(fresh_server: LiveServer) -> None:
    fresh_server.state.is_draining = True
    done = ask(fresh_server.url, fresh_server.management_url)
    assert done.returncode == 1
    assert "FAILED: a pod is ready" in done.stderr


def test_an_address_where_nothing_answers_fails_by_name() -> None:
    done = ask("http://127.0.0.1:9", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "http://127.0.0.1:9/health/ready does not answer" in done.stderr
    assert "Is a pod there at all?" in done.stderr


def test_where_keys_are_hashed_it_is_asked_for_one(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"# callers\n{hashed('the-key-of-a-test')} name=search\n")
    with live_server(tmp_path, {"keys_file": str(keys)}) as guarded:
        done = ask(guarded.url, guarded.management_url, str(keys))
    assert done.returncode == 0, done.stderr
    assert "ok: the Service asks for a key" in done.stdout


def test_a_key_that_stands_behind_a_comment_is_sent(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# callers\nthe-key-of-a-test name=search\n")
    with live_server(tmp_path, {"keys_file": str(keys)}) as guarded:
        done = ask(guarded.url, guarded.management_url, str(keys))
    assert "ok: the Service answers a ranking" in done.stdout
