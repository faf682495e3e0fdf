from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.in_ci import lacking
from tests.live.server import LiveServer
from tests.needs import WRK

from .generator import load


def test_the_generator_counts_answers_and_refuses_a_run_in_which_requests_failed(
    server: LiveServer, tmp_path: Path
) -> None:
    if not WRK.is_met:
        lacking(WRK.lack)
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(json.dumps({"query": "q", "candidates": ["good", "bad"]}) + "\n", encoding="utf-8")
    bad.write_text('{"query": "q"}\n', encoding="utf-8")
    assert load(server.url, good, connections=1, seconds=1).requests > 0
    with pytest.raises(RuntimeError, match="requests that failed"):
        load(server.url, bad, connections=1, seconds=1)
