"""A hub that fails, falls silent or sends wrong bytes: the real client of the Hub against a server of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from bge_reranker.errors import DigestMismatch, Gated, HubUnreachable, ModelError, UnknownModel

from .models import NEEDED, contents, fetch, model_files
from .servers.faulty import Handler
from .servers.hub import FakeHub

SOURCE = "hf://org/name"


@pytest.mark.parametrize("statuses", [[500], [429, 503], [502, 502, 502, 502]])
def test_bytes_are_asked_for_again_after_a_passing_fault(hub: FakeHub, tmp_path: Path, statuses: list[int]) -> None:
    files = model_files()
    hub.add("org/name", files)
    hub.server.faults.statuses = statuses
    fetched = fetch(tmp_path, SOURCE, hub.environment)
    assert contents(fetched.version.path)["model.safetensors"] == files["model.safetensors"]


def test_waits_are_as_long_as_the_hub_asks(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", model_files())
    hub.server.faults.statuses, hub.server.faults.retry_after = [429], "7"
    waits: list[float] = []
    fetch(tmp_path, SOURCE, hub.environment, waits=waits)
    assert 7.0 in waits


@pytest.mark.parametrize("statuses", [[500], [429, 503], [502, 408, 504, 500]])
def test_files_are_asked_for_again_after_a_passing_fault(hub: FakeHub, tmp_path: Path, statuses: list[int]) -> None:
    hub.add("org/name", model_files())
    hub.info_statuses = statuses.copy()
    waits: list[float] = []
    assert not fetch(tmp_path, SOURCE, hub.environment, waits=waits).was_there
    assert waits == [0.5, 1.0, 2.0, 4.0][: len(statuses)]


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "3600"}, 30.0),
        ({"RateLimit": '"api";r=0;t=11'}, 11.0),
        ({"RateLimit": '"api";r=3;t=11'}, 0.5),
        ({"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.5),
    ],
    ids=["seconds", "an hour", "a quota used up", "a quota", "a date"],
)
def test_the_next_list_is_asked_for_when_the_hub_says(
    hub: FakeHub, tmp_path: Path, headers: dict[str, str], wait_s: float
) -> None:
    hub.add("org/name", model_files())
    hub.info_statuses, hub.info_headers = [429], headers
    waits: list[float] = []
    fetch(tmp_path, SOURCE, hub.environment, waits=waits)
    assert waits == [wait_s]


@pytest.mark.parametrize(
    ("status", "error", "asked"), [(503, HubUnreachable, 5), (403, Gated, 1), (404, UnknownModel, 1)]
)
def test_a_list_that_does_not_come_is_given_up(
    hub: FakeHub, tmp_path: Path, status: int, error: type[ModelError], asked: int
) -> None:
    hub.add("org/name", model_files())
    hub.info_statuses = [status] * 50
    with pytest.raises(error, match=f"{status}"):
        fetch(tmp_path, SOURCE, hub.environment)
    assert len(hub.server.asked) == asked


def test_a_hub_that_keeps_failing_is_given_up_and_the_next_fetch_goes_on(hub: FakeHub, tmp_path: Path) -> None:
    files = model_files(1_000_000)
    hub.add("org/name", files)
    hub.server.faults.statuses = [500] * 200
    with pytest.raises(HubUnreachable):
        fetch(tmp_path, SOURCE, hub.environment)
    assert not list((tmp_path / "org--name").glob("[0-9a-f]*"))
    hub.server.faults.statuses = []
    fetched = fetch(tmp_path, SOURCE, hub.environment)
    assert contents(fetched.version.path)["model.safetensors"] == files["model.safetensors"]


def test_segments_that_are_there_are_not_asked_for_again(hub: FakeHub, tmp_path: Path) -> None:
    files = model_files(1_000_000)
    commit = hub.add("org/name", files)
    fetch(tmp_path, SOURCE, hub.environment)
    path = tmp_path / "org--name" / commit
    staging = tmp_path / "org--name" / f".{commit}.staging"
    staging.mkdir()
    # As a killed fetcher leaves it: all segments but the last, whose line in the journal is torn.
    (staging / "model.safetensors.part").write_bytes(files["model.safetensors"][: 15 * 65_536])
    lines = "".join(f"{number}\n" for number in range(15))
    (staging / "model.safetensors.journal").write_text(f"1000000 65536 {commit!r}\n{lines}1")
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    hub.server.asked.clear()
    fetched = fetch(tmp_path, SOURCE, hub.environment)
    assert len([asked for asked in hub.server.asked if asked.path.startswith("/lfs/")]) == 1
    assert contents(fetched.version.path)["model.safetensors"] == files["model.safetensors"]


def test_a_damaged_segment_of_an_earlier_fetcher_is_noticed_and_fetched_anew(hub: FakeHub, tmp_path: Path) -> None:
    files = model_files(200_000)
    commit = hub.add("org/name", files)
    staging = tmp_path / "org--name" / f".{commit}.staging"
    staging.mkdir(parents=True)
    (staging / "model.safetensors.part").write_bytes(bytes(200_000))
    (staging / "model.safetensors.journal").write_text(f"200000 65536 {commit!r}\n0\n1\n")
    fetched = fetch(tmp_path, SOURCE, hub.environment)
    assert contents(fetched.version.path)["model.safetensors"] == files["model.safetensors"]


def test_an_answer_that_is_cut_goes_on_where_it_ended(hub: FakeHub, tmp_path: Path) -> None:
    files = model_files()
    hub.add("org/name", files)
    hub.server.faults.cut_after_bytes = [1_000, 20_000, 1]
    fetched = fetch(tmp_path, SOURCE, hub.environment)
    assert contents(fetched.version.path)["model.safetensors"] == files["model.safetensors"]


IMPATIENT = {"HF_HUB_DOWNLOAD_TIMEOUT": "0.2", "HF_HUB_ETAG_TIMEOUT": "0.2"}
"""Seconds of silence that these tests bear."""


def test_bytes_that_do_not_come_are_asked_for_again(hub: FakeHub, tmp_path: Path) -> None:
    files = model_files()
    hub.add("org/name", files)
    stalled: list[str] = []

    def stall(handler: Handler) -> bool:
        # The first two requests for weights are never answered in time; from the third on the hub is awake.
        if handler.path.startswith("/lfs/"):
            stalled.append(handler.path)
            hub.server.faults.gate.set() if len(stalled) > 2 else hub.server.faults.gate.clear()
        return False

    hub.server.answers.insert(0, stall)
    waits: list[float] = []
    fetched = fetch(tmp_path, SOURCE, hub.environment | IMPATIENT, waits=waits)
    assert contents(fetched.version.path)["model.safetensors"] == files["model.safetensors"]
    assert len(stalled) > 2


@pytest.mark.parametrize("what", ["bytes", "answers"])
def test_a_hub_that_falls_silent_is_unreachable(hub: FakeHub, tmp_path: Path, what: str) -> None:
    hub.add("org/name", model_files())
    waits: list[float] = []

    def silence(handler: Handler) -> bool:
        if what == "answers" or handler.path.startswith("/lfs/"):
            hub.server.faults.gate.clear()
            hub.server.faults.gate.wait(60)
        return False

    hub.server.answers.insert(0, silence)
    with pytest.raises(HubUnreachable, match=r"does not answer \(ReadTimeout"):
        fetch(tmp_path, SOURCE, hub.environment | IMPATIENT, waits=waits)
    # Who does not even list its files is asked once; bytes are asked for again, at growing intervals.
    assert sorted(set(waits)) == ([0.5, 1.0, 2.0, 4.0] if what == "bytes" else [])


def test_a_hub_that_ignores_ranges_is_understood(hub: FakeHub, tmp_path: Path) -> None:
    files = model_files()
    hub.add("org/name", files)
    hub.server.faults.ignores_ranges = True
    fetched = fetch(tmp_path, SOURCE, hub.environment)
    assert contents(fetched.version.path)["model.safetensors"] == files["model.safetensors"]


def test_wrong_bytes_are_refused_with_what_was_announced_and_found(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", model_files())
    hub.server.faults.wrong_bytes = 1_000
    with pytest.raises(DigestMismatch, match=r"is not what its source announced: expected .* found") as raised:
        fetch(tmp_path, SOURCE, hub.environment)
    assert raised.value.figures["file"] in NEEDED
    assert not list((tmp_path / "org--name").glob("[0-9a-f]*"))
