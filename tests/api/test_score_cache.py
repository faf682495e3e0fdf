"""Known scores over real sockets: what a request may say, what its answer says, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from bge_reranker.api.cache_headers import cache_use
from bge_reranker.errors import SettingsError
from bge_reranker.observe.metrics import Metrics
from tests.live.server import LiveServer, live_server

BODY = {"query": "q", "candidates": ["bad", "good"], "raw_scores": True}
KEY = "the-key-of-a-test"
CALLER = sha256(KEY.encode()).hexdigest()[:8]


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(tmp_path, {"score_cache_bytes": 100_000, "api_keys": KEY}) as running:
        yield running


def post(server: LiveServer, body: dict[str, Any], **headers: str) -> tuple[str | None, str | None, Any]:
    answer = server.post(body, headers={"Authorization": f"Bearer {KEY}", **headers})
    assert answer.status_code == 200
    return answer.headers.get("x-cache"), answer.headers.get("x-cache-hits"), answer.json()


def test_an_answer_says_how_much_of_it_was_known_and_is_the_same_but_for_that(keeping: LiveServer) -> None:
    cold, warm = post(keeping, BODY), post(keeping, BODY)
    assert (cold[:2], warm[:2]) == (("MISS", "0"), ("HIT", "2"))
    assert cold[2]["results"] == warm[2]["results"]
    assert cold[2]["usage"] == warm[2]["usage"]
    assert post(keeping, {**BODY, "candidates": ["good", "a"]})[:2] == ("PARTIAL", "1")
    assert post(keeping, {**BODY, "preset": "flagreranker"})[0] == "MISS"


def test_a_request_may_ask_for_fresh_scores(keeping: LiveServer) -> None:
    post(keeping, BODY)
    assert post(keeping, BODY, **{"Cache-Control": "no-cache"})[0] == "MISS"
    assert post(keeping, BODY, **{"Cache-Control": "max-age=0, no-store"})[0] is None
    assert post(keeping, BODY)[0] == "HIT"


def test_where_scores_come_from_and_what_callers_use_is_counted(keeping: LiveServer) -> None:
    for _ in range(2):
        post(keeping, BODY)
    scraped = httpx.get(keeping.management_url + "/metrics").text
    assert 'bge_reranker_scores_total{source="computed"} 2.0' in scraped
    assert 'bge_reranker_scores_total{source="memory"} 2.0' in scraped
    assert "bge_reranker_score_cache_entries 2.0" in scraped
    assert f'bge_reranker_caller_tokens_total{{caller="{CALLER}"}} 24.0' in scraped
    assert KEY not in scraped


def test_callers_beyond_a_number_are_counted_as_one() -> None:
    metrics = Metrics()
    for number in range(150):
        metrics.caller_served(f"caller-{number}", 1, 10)
    samples = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    names = {sample.labels["caller"] for sample in samples if sample.name == "bge_reranker_caller_requests_total"}
    assert len(names) == 101
    assert metrics.registry.get_sample_value("bge_reranker_caller_tokens_total", {"caller": "others"}) == 510


def test_a_server_that_keeps_no_scores_says_nothing_of_them(server: LiveServer) -> None:
    assert "x-cache" not in server.post(BODY).headers


def test_scores_are_not_shared_without_a_place(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsError, match="no Redis to share scores in"),
        live_server(tmp_path, {"share_scores": True}),
    ):
        pass


@pytest.mark.parametrize(
    ("values", "use"),
    [
        ([], "look_up"),
        (["max-age=0"], "look_up"),
        (["No-Cache"], "refresh"),
        (["max-age=0", "no-cache=x"], "refresh"),
        (["no-cache, no-store"], "bypass"),
    ],
)
def test_cache_control_is_read_word_by_word(values: list[str], use: str) -> None:
    assert cache_use(values) == use
