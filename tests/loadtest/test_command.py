"""`bge-reranker loadtest` against a server: a scripted scorer behind the real HTTP side."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bge_reranker.cli.main import program
from bge_reranker.errors import RerankerError
from tests.live.server import live_server


def loadtest(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bge_reranker", "loadtest", url, *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin", "HOME": "/tmp"},
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("load") / "requests.jsonl"
    lines = [{"query": f"good {each}", "documents": ["good", "bad", "good good"]} for each in range(8)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def figures(file: Path) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = json.loads(file.read_text())["steps"]
    return steps


def test_both_loops_are_answered_checked_and_drawn(tmp_path: Path, small: Path) -> None:
    report, picture = tmp_path / "report.json", tmp_path / "picture.png"
    with live_server(tmp_path) as server:
        done = loadtest(
            server.url,
            *("--rate", "20,40", "--arrivals", "constant", "--seconds", "0.5", "--requests", str(small)),
            *("--json", str(report), "--picture", str(picture)),
        )
        assert done.returncode == 0, done.stderr
        closed = loadtest(
            server.url, "--clients", "2", "--seconds", "0.3", "--dialect", "tei", "--requests", str(small)
        )
        assert closed.returncode == 0, closed.stderr
    assert [step["requests"] for step in figures(report)] == [9, 19]
    assert all(step["answered"] == step["requests"] for step in figures(report))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "largest difference between two scores of one pair: 0" in done.stdout
    assert "2 clients" in closed.stdout


def test_a_document_without_a_score_fails_the_test_with_its_reason(tmp_path: Path) -> None:
    requests = tmp_path / "requests.jsonl"
    requests.write_text('{"query": "q", "documents": ["good", "nan"]}\n')
    with live_server(tmp_path) as server:
        done = loadtest(server.url, "--clients", "1", "--seconds", "0.2", "--requests", str(requests))
    assert done.returncode == 1
    assert "wrong answer: " in done.stdout


def test_a_server_that_wants_a_key_refuses_until_it_gets_one(tmp_path: Path, small: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("first-key-1\nsecond-key-2\n")
    common, report = ("--clients", "2", "--seconds", "0.2", "--requests", str(small)), tmp_path / "report.json"
    with live_server(tmp_path, {"api_keys": "first-key-1,second-key-2"}) as server:
        without = loadtest(server.url, *common, "--json", str(report))
        with_keys = loadtest(server.url, *common, "--keys", str(keys))
    assert without.returncode == 1
    assert "401 Unauthenticated" in without.stdout
    # Each of the two waits before it asks again.
    assert figures(report)[0]["requests"] <= 2 * 2
    assert with_keys.returncode == 0, with_keys.stdout
    assert "p95 by caller" in with_keys.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "either --rate or --clients"),
        (("--rate", "1", "--clients", "1"), "either --rate or --clients"),
        (("--rate", "fast"), "numbers above 0"),
        (("--rate", "0"), "numbers above 0"),
        (("--clients", "1_0"), "numbers above 0"),
        (("--clients", "1"), "Start the server first"),
        (("--clients", "1", "--words", "none"), "lognormal"),
        (("--clients", "1", "--json", "/nowhere/report.json"), "there is no folder"),
        (("--clients", "1", "--picture", "knee.bmp"), "ends in none of .png"),
        (("--clients", "1.5"), "no whole numbers"),
    ],
)
def test_what_cannot_be_run_says_what_to_change(options: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(program, ["loadtest", "http://127.0.0.1:9", *options])
    assert done.exit_code != 0
    refusal = done.exception.sentence() if isinstance(done.exception, RerankerError) else done.stderr
    assert said in refusal
