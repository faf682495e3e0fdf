"""Where a replica's capacity is read from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bge_reranker.errors import SettingsError
from bge_reranker.planning.calibration import calibrated, replay
from bge_reranker.planning.capacity import ReplicaCapacity
from bge_reranker.planning.load_report import LoadReport, LoadStep
from bge_reranker.planning.simulation import Served
from bge_reranker.planning.sizes import RequestSizes
from bge_reranker.planning.sources import read_capacity
from tests.live.server import live_server

TRUE = ReplicaCapacity(20_000.0, batch_s=0.004, request_s=0.006)
SIZES = [{"documents": documents, "tokens": 50 * documents} for documents in (4, 8, 12)]


def step(load: dict[str, Any], served: Served, sent_per_second: float) -> dict[str, Any]:
    return {
        "step": load,
        "load": "a load",
        "requests": len(served.latencies_s),
        "answered": len(served.latencies_s),
        "sent_per_second": sent_per_second,
        "answered_per_second": len(served.latencies_s) / served.seconds,
        "tokens_per_second": served.tokens / served.seconds,
        "p50_ms": served.percentile_ms(50),
        "p95_ms": served.percentile_ms(95),
    }


def replayed(load: dict[str, Any]) -> Served:
    nothing = {"requests": 400, "answered": 0, "sent_per_second": 0, "answered_per_second": 0, "tokens_per_second": 0}
    asked = LoadStep.model_validate({"step": load, "load": "", "p50_ms": None, "p95_ms": None, **nothing})
    return replay(TRUE, RequestSizes.among([(50,) * int(each["documents"]) for each in SIZES]), asked)


def test_a_load_test_of_a_known_replica_gives_its_figures_back() -> None:
    report = {
        "steps": [
            step({"clients": 1}, replayed({"clients": 1}), 1),
            step({"clients": 16}, replayed({"clients": 16}), 1),
        ],
        "sizes": SIZES,
        "server": {"capacity": {"tokens_per_second": 1.0, "batch_s": 0.004}, "limits": {"max_batch_ms": 1000.0}},
    }
    found = calibrated(LoadReport.parse(report, "a report"), "a report")
    assert found.tokens_per_second == pytest.approx(20_000, rel=0.05)
    assert found.request_s == pytest.approx(0.006, abs=0.002)
    assert found.batch_s == 0.004
    assert not found.doubts


def test_one_client_that_is_served_as_much_as_many_by_chance_is_still_the_light_load() -> None:
    light, heavy = (step({"clients": each}, replayed({"clients": each}), 1) for each in (1, 16))
    light["tokens_per_second"] = 1.01 * heavy["tokens_per_second"]
    found = calibrated(LoadReport.parse({"steps": [light, heavy], "sizes": SIZES}, "a report"), "a report")
    assert found.tokens_per_second == pytest.approx(20_000, rel=0.1)
    assert found.request_s < 0.02


def test_a_load_test_that_never_filled_the_server_says_so() -> None:
    light = {"rate": 10.0}
    report = {"steps": [step(light, replayed(light), 10.0)], "sizes": SIZES}
    found = calibrated(LoadReport.parse(report, "a report"), "a report")
    assert "more than was measured" in found.doubts[0]


def test_a_running_server_says_what_it_can_do(tmp_path: Path) -> None:
    with live_server(tmp_path, {"max_batch_ms": 250, "max_batch_tokens": 4096}) as server:
        found = read_capacity(server.url)
    assert (found.tokens_per_second, found.gpus, found.max_pair_tokens) == (1280.0, 0, 64)
    assert (found.engine.max_batch_ms, found.engine.max_batch_tokens) == (250, 4096)
    assert 0 < found.request_s < 5
    assert "load test" in found.doubts[0]


def test_figures_may_be_written_down(tmp_path: Path) -> None:
    file = tmp_path / "capacity.json"
    file.write_text('{"tokens_per_second": 400000, "batch_ms": 4, "gpus": 1, "max_batch_ms": 50}')
    found = read_capacity(str(file))
    assert (found.tokens_per_second, found.batch_s, found.gpus) == (400_000, 0.004, 1)
    assert found.full_batch_tokens == 16_384


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "no JSON object"),
        ("{", "cannot be read"),
        ("{}", "tokens_per_second: Field required"),
        ('{"tokens_per_second": 0}', "tokens_per_second: Input should be greater than or equal to 1"),
        ('{"tokens_per_second": 5, "batches": 1}', "batches: Extra inputs"),
        ('{"tokens_per_second": 5, "max_batch_tokens": 1}', "max_batch_tokens: Input should be greater than or equal"),
        ('{"steps": []}', "loadtest --json"),
        ('{"steps": [{}]}', "no report to plan with"),
        ('{"capacity": {}}', "Wait until its model is loaded"),
    ],
)
def test_a_file_that_cannot_be_planned_with_says_what_is_wrong(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(content)
    with pytest.raises(SettingsError) as caught:
        read_capacity(str(file))
    assert said in caught.value.sentence()


def test_nobody_at_the_address_is_said_with_the_remedy() -> None:
    with pytest.raises(SettingsError) as caught:
        read_capacity("http://127.0.0.1:9")
    assert "Start the server first" in caught.value.sentence()
