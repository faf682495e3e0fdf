"""Clients that keep their connections find other replicas: old connections end, and sooner where work waits."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from bge_reranker.serving.connection_age import BUSY_AGE_S, BUSY_BACKLOG_S, is_due_to_close
from tests.live.server import LiveServer, live_server

BODY = {"query": "q", "candidates": ["bad", "good"]}


@pytest.mark.parametrize(
    ("age_s", "backlog_s", "is_due"),
    [
        (BUSY_AGE_S - 1, 60.0, False),
        (BUSY_AGE_S + 1, BUSY_BACKLOG_S, False),
        (BUSY_AGE_S + 1, BUSY_BACKLOG_S + 0.1, True),
        (299.0, 0.0, False),
        (301.0, 0.0, True),
        (float("-inf"), 60.0, False),
    ],
)
def test_a_connection_ends_when_it_is_old_and_sooner_where_work_waits(
    age_s: float,
    backlog_s: float,
    is_due: bool,  # noqa: FBT001 - of a table
) -> None:
    assert is_due_to_close(age_s, 300.0, lambda: backlog_s) == is_due


def test_a_limit_below_that_of_a_busy_server_holds_without_a_backlog() -> None:
    assert is_due_to_close(2.0, 1.0, lambda: 0.0)


def test_an_old_connection_is_told_to_close_with_its_next_answer(tmp_path: Path) -> None:
    with live_server(tmp_path, {"max_connection_age_s": 1e-6}) as server:
        assert server.post(BODY).headers["connection"] == "close"


def test_a_young_connection_is_kept_though_work_waits(server: LiveServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        answers = [client.post("/rerank", json=BODY) for _ in range(2)]
    assert ["connection" in answer.headers for answer in answers] == [False, False]


def test_a_connection_to_a_busy_server_is_told_to_close(
    fresh_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bge_reranker.serving.connection_age.BUSY_AGE_S", 0.0)
    monkeypatch.setattr("bge_reranker.serving.connection_age.BUSY_BACKLOG_S", -1.0)
    assert fresh_server.post(BODY).headers["connection"] == "close"
    assert "connection" not in httpx.get(fresh_server.url + "/health").headers
