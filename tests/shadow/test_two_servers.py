"""Two real servers on loopback: one answers callers, the other is its shadow, or is slow, busy, closed or gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import Metric

from bge_reranker.configuration import load_settings
from bge_reranker.errors import SettingsError
from bge_reranker.evaluation.price import kendall_tau
from bge_reranker.observe.metrics import Metrics
from bge_reranker.peers.service import ServicePeers
from bge_reranker.shadow.feeder import Feeder
from bge_reranker.shadow.sample_queue import SampleQueue
from bge_reranker.shadow.servers import HttpShadowServers
from bge_reranker.shadow.shadowing import Shadowing, create_shadowing
from tests.live.server import WAIT_S, LiveServer, live_server
from tests.peers.answering import answering, says_nothing

TOKEN = "a-token-of-the-servers"
BODY = {"query": "q", "candidates": ["good good bad", "bad bad", "good good good good good good good"]}


def shadow_at(
    port: int, management_port: int, token: str | None = None, max_bytes: int = 100_000, limit_s: float = 30.0
) -> Callable[[Metrics], Shadowing]:
    """What samples every request for a server on 127.0.0.1."""

    def shadowing(metrics: Metrics) -> Shadowing:
        queue = SampleQueue(max_bytes)
        peers = ServicePeers("127.0.0.1", port, management_port, token, info_s=5.0)
        servers = HttpShadowServers(peers, port, token, limit_s=limit_s)
        feeder = Feeder(queue, servers, kendall_tau, metrics.shadow, look_again_s=0.05)
        return Shadowing(1.0, queue, feeder, metrics.shadow)

    return shadowing


def ports(server: LiveServer) -> tuple[int, int]:
    port, management_port = (int(url.rpartition(":")[2]) for url in (server.url, server.management_url))
    return port, management_port


@contextmanager
def shadowed(folder: Path, make: Callable[[Metrics], Shadowing]) -> Iterator[tuple[LiveServer, Shadowing]]:
    """A server that is fed to a shadow; waits for nothing."""
    made: list[Shadowing] = []

    def shadowing_of(metrics: Metrics) -> Shadowing:
        made.append(make(metrics))
        return made[0]

    folder.mkdir(exist_ok=True)
    with live_server(folder, shadowing_of=shadowing_of) as server:
        made[0].start()
        try:
            yield server, made[0]
        finally:
            made[0].stop()


def value(server: LiveServer, name: str, **labels: str) -> float:
    families: list[Metric] = list(server.metrics.registry.collect())
    samples = [sample for family in families for sample in family.samples]
    return next(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def outcomes(server: LiveServer, outcome: str) -> float:
    return value(server, "bge_reranker_shadow_samples_total", outcome=outcome)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what the feeding thread does by itself."""
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come so"
        time.sleep(0.005)


def is_fed(server: LiveServer) -> bool:
    return value(server, "bge_reranker_shadow_info") == 1


def test_a_shadow_is_fed_and_compared(tmp_path: Path) -> None:
    (tmp_path / "shadow").mkdir()
    # Its window is shorter, so that the longest document loses words and with them the first place.
    with (
        live_server(tmp_path / "shadow", max_pair_tokens=8) as shadow,
        shadowed(tmp_path / "served", shadow_at(*ports(shadow))) as (served, shadowing),
    ):
        until(lambda: is_fed(served))
        for _ in range(5):
            assert served.post(BODY).status_code == 200
        until(lambda: outcomes(served, "compared") == 5)
        report = shadowing.report
        assert report is not None
        assert (report.digest, report.comparisons, report.top_overlap) == ("d" * 64, 5, 1.0)
        assert report.score_drift is not None
        assert report.score_drift > 0.001
        assert _info(served)["shadow"] == report.as_json()
        assert value(served, "bge_reranker_shadow_kendall_tau") == report.kendall_tau
        assert value(served, "bge_reranker_shadow_request_seconds_count", version="shadow") >= 5
        # Its own traffic is nobody's request to the served version.
        assert value(served, "rerank_requests_total") == 5
        assert value(shadow, "bge_reranker_shadow_info") == 0


def _info(server: LiveServer) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = httpx.get(f"{server.management_url}/info", timeout=WAIT_S).json()
    return found


def test_callers_see_nothing_of_a_shadow_in_info(tmp_path: Path) -> None:
    with shadowed(tmp_path, shadow_at(1, 1)) as (served, _):
        assert "shadow" not in httpx.get(f"{served.url}/info", timeout=WAIT_S).json()
        assert _info(served)["shadow"] is None


def test_a_guarded_shadow_is_opened_by_the_servers_own_token(tmp_path: Path) -> None:
    (tmp_path / "shadow").mkdir()
    file = tmp_path / "token"
    file.write_text(TOKEN)
    flags = {"api_keys": "a-caller-key", "internal_token_file": str(file)}
    with live_server(tmp_path / "shadow", flags) as shadow:
        with shadowed(tmp_path / "served", shadow_at(*ports(shadow), TOKEN)) as (served, _):
            until(lambda: is_fed(served))
            served.post(BODY)
            until(lambda: outcomes(served, "compared") == 1)
        with shadowed(tmp_path / "another", shadow_at(*ports(shadow))) as (served, _):
            until(lambda: is_fed(served))
            served.post(BODY)
            until(lambda: outcomes(served, "refused") == 1)


def test_a_shadow_that_stands_still_costs_samples_alone(tmp_path: Path) -> None:
    (tmp_path / "shadow").mkdir()
    with (
        live_server(tmp_path / "shadow") as shadow,
        shadowed(tmp_path / "served", shadow_at(*ports(shadow), max_bytes=2_000)) as (served, _),
    ):
        until(lambda: is_fed(served))
        shadow.scorer.gate.clear()
        for _ in range(20):
            assert served.post(BODY).status_code == 200
        assert outcomes(served, "dropped") >= 10
        assert outcomes(served, "compared") == 0
        shadow.scorer.gate.set()
        until(lambda: outcomes(served, "compared") >= 1)


def test_a_shadow_that_goes_is_not_sampled_for(tmp_path: Path) -> None:
    (tmp_path / "shadow").mkdir()
    with live_server(tmp_path / "shadow") as shadow:
        make = shadow_at(*ports(shadow))
        with shadowed(tmp_path / "served", make) as (served, _):
            until(lambda: is_fed(served))
            model, shadow.state.model = shadow.state.model, None
            served.post(BODY)
            until(lambda: not is_fed(served))
            lost = outcomes(served, "unanswered")
            assert lost == 1
            assert served.post(BODY).status_code == 200
            assert outcomes(served, "unanswered") == lost
            shadow.state.model = model
            until(lambda: is_fed(served))


def test_a_shadow_that_never_answers_is_none(tmp_path: Path) -> None:
    with answering(says_nothing) as port, shadowed(tmp_path, shadow_at(port, port)) as (served, _):
        assert served.post(BODY).status_code == 200
        assert not is_fed(served)


def test_without_hosts_there_is_no_shadow() -> None:
    assert create_shadowing(load_settings(), Metrics().shadow) is None


def test_a_shadow_needs_fixed_ports() -> None:
    settings = load_settings(flags={"shadow_hosts": "shadow", "port": 0})
    with pytest.raises(SettingsError, match="fixed ports"):
        create_shadowing(settings, Metrics().shadow)


def test_settings_that_name_a_shadow_make_one() -> None:
    settings = load_settings(flags={"shadow_hosts": "shadow", "shadow_sample_ratio": 0.5})
    shadowing = create_shadowing(settings, Metrics().shadow)
    assert shadowing is not None
    assert shadowing.report is None
