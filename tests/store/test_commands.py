"""The commands as a pod and a person call them: real processes, a real hub, a model that is really served."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from bge_reranker.demo import demo_model_directory

from .models import model_files
from .servers.faulty import FaultyServer, Handler
from .servers.hub import FakeHub, running_hub
from .test_folder import write_model
from .test_web import tar_of

PROGRAM = str(Path(sys.executable).parent / "bge-reranker")
SOURCE = "hf://org/name"


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    """A hub that has the embedded model."""
    with running_hub() as running:
        running.add("org/name", {path.name: path.read_bytes() for path in demo_model_directory().iterdir()})
        yield running


def pod(hub: FakeHub, directory: Path) -> dict[str, str]:
    """The environment of a pod: one variable with the configuration, the same for its init step and its server."""
    config = {
        "model": {"source": SOURCE, "cacheDir": str(directory / "store"), "threads": 1},
        "observe": {"terminationLog": str(directory / "termination-log")},
        "http": {"port": 0, "managementPort": 0, "drainDelayS": 0},
    }
    return {"PATH": "/usr/bin", "BGE_RERANKER_CONFIG": json.dumps(config), "HOME": "/nonexistent", **hub.environment}


def run(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments], env=dict(environment), capture_output=True, text=True, check=False, timeout=120
    )


def termination_report(directory: Path) -> dict[str, object]:
    report = json.loads((directory / "termination-log").read_text())
    assert isinstance(report, dict)
    return report


def test_a_pod_fetches_serves_and_refuses_what_was_altered(hub: FakeHub, tmp_path: Path) -> None:
    environment = pod(hub, tmp_path)
    refused = run("serve", environment=environment)
    assert (refused.returncode, termination_report(tmp_path)["code"]) == (10, "UnknownModel")
    assert "model fetch" in refused.stderr

    fetched = run("model", "fetch", "--progress-file", str(tmp_path / "progress"), environment=environment)
    assert fetched.returncode == 0, fetched.stderr
    version = Path(fetched.stdout.strip())
    assert version.parent == tmp_path / "store" / "org--name"
    progress = json.loads((tmp_path / "progress").read_text())
    assert progress["done_bytes"] == progress["total_bytes"] > 10_000_000

    digest = json.loads((version / "manifest.json").read_text())["digest"]
    with subprocess.Popen([PROGRAM, "serve"], env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = next(line.split()[-1] for line in process.stdout if line.startswith("Ready:"))
            info = httpx.get(f"{address}/info", timeout=60).json()
            (lease,) = (tmp_path / "store" / ".leases").iterdir()
            assert lease.read_text() == f"org--name/{version.name}"
        finally:
            process.terminate()
        assert process.wait(60) == 0
    model = {"name": "org/name", "source": SOURCE, "revision": version.name, "digest": digest}
    assert {key: info["model"][key] for key in model} == model
    assert info["model"]["verified"] in {"full", "sample"}
    assert info["capacity"]["pairs_per_second"] * info["capacity"]["pair_tokens"] == pytest.approx(
        info["capacity"]["tokens_per_second"]
    )
    assert list((tmp_path / "store" / ".leases").iterdir()) == []

    weights = version / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    altered = run("serve", environment=environment)
    assert altered.returncode == 14
    report = termination_report(tmp_path)
    assert report["code"] == "DigestMismatch"
    assert set(report) == {"code", "message", "remedy", "figures"}
    assert str(report["message"]) in altered.stderr.replace('\\"', '"')


def test_a_version_that_is_served_by_its_path_is_in_use(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin", "BGE_RERANKER_CACHE_DIR": str(tmp_path / "store")}
    old, new = (
        run("model", "fetch", "demo", "--revision", revision, environment=environment).stdout.strip()
        for revision in ("1", "2")
    )
    command = [PROGRAM, "serve", "--model", old, "--port", "0", "--management-port", "0", "--drain-delay-s", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any(line.startswith("Ready:") for line in process.stdout)
            kept = run("model", "gc", "--keep", "1", environment=environment)
        finally:
            process.terminate()
    assert "Nothing to remove" in kept.stdout
    assert f"Removed {old}." in run("model", "gc", "--keep", "1", environment=environment).stdout
    assert Path(new).is_dir()


def test_a_fetch_that_is_told_to_end_lets_go_of_its_lock(tmp_path: Path) -> None:
    with running_hub() as hub:
        hub.add("org/name", model_files())
        asked = threading.Event()

        def hold_back(handler: Handler) -> bool:
            if handler.path.startswith("/lfs/"):
                hub.server.faults.gate.clear()
                asked.set()
            return False

        hub.server.answers.insert(0, hold_back)
        command = [PROGRAM, "model", "fetch", SOURCE, "--dir", str(tmp_path)]
        with subprocess.Popen(command, env={"PATH": "/usr/bin", "HOME": "/nonexistent", **hub.environment}) as process:
            assert asked.wait(60)
            assert list((tmp_path / "org--name").glob(".*.lock"))
            process.terminate()
            hub.server.faults.gate.set()
            assert process.wait(60) == 143
    assert [path.suffix for path in (tmp_path / "org--name").iterdir()] == [".staging"]


def test_no_log_has_the_secrets_of_an_address(tmp_path: Path) -> None:
    server = FaultyServer()
    server.files["/model.tar"] = tar_of(model_files(), "w")
    with server.running():
        address = f"http://me:swordfish@127.0.0.1:{server.port}/model.tar?signature=swordfish"
        environment = {"PATH": "/usr/bin", "BGE_RERANKER_LOG_LEVEL": "debug"}
        fetched = run("model", "fetch", address, "--dir", str(tmp_path / "store"), environment=environment)
    assert fetched.returncode == 0, fetched.stderr
    assert "swordfish" not in fetched.stderr + fetched.stdout


def test_a_failed_fetch_says_why_in_log_exit_code_and_termination_message(hub: FakeHub, tmp_path: Path) -> None:
    failed = run("model", "fetch", "--revision", "v9", environment=pod(hub, tmp_path))
    assert failed.returncode == 10
    report = termination_report(tmp_path)
    assert report["code"] == "UnknownModel"
    logged = [json.loads(line) for line in failed.stderr.splitlines() if line.startswith("{")]
    assert [(line["code"], line["message"]) for line in logged if line["event"] == "fetch_failed"] == [
        ("UnknownModel", report["message"])
    ]
    assert f"UnknownModel: {report['message']} {report['remedy']}" in failed.stderr


def test_verify_list_digest_and_gc_speak_of_the_same_version(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", model_files(1_000))
    environment = {"PATH": "/usr/bin", "COLUMNS": "120", "BGE_RERANKER_CACHE_DIR": str(tmp_path / "store")}
    source = f"file://{folder}"
    for revision in ("1", "2"):
        assert run("model", "fetch", source, "--revision", revision, environment=environment).returncode == 0
    verified = run("model", "verify", source, "--revision", "1", environment=environment)
    assert verified.returncode == 0, verified.stderr
    assert "GB/s" in verified.stdout
    digest = run("model", "digest", source, "--revision", "1", environment=environment).stdout.strip()
    assert digest in verified.stdout
    listed = [json.loads(line) for line in run("model", "list", "--json", environment=environment).stdout.splitlines()]
    assert [(row["folder"], row["digest"], row["is_in_use"]) for row in listed] == [
        ("2", digest, False),
        ("1", digest, False),
    ]
    assert digest[:12] in run("model", "list", environment=environment).stdout
    assert "/1." in run("model", "gc", "--keep", "1", environment=environment).stdout
    assert run("model", "verify", source, "--revision", "1", environment=environment).returncode == 10


def test_a_command_without_a_store_says_how_to_name_one() -> None:
    answer = run("model", "list", environment={"PATH": "/usr/bin"})
    assert (answer.returncode, "Give --dir" in answer.stderr) == (1, True)


def test_a_damaged_version_hides_no_other_from_the_list(tmp_path: Path) -> None:
    source = write_model(tmp_path / "model", model_files(1_000))
    environment = {"PATH": "/usr/bin", "COLUMNS": "120", "BGE_RERANKER_CACHE_DIR": str(tmp_path / "store")}
    folders = [
        run("model", "fetch", str(source), "--revision", revision, environment=environment).stdout.strip()
        for revision in ("1", "2")
    ]
    (Path(folders[0]) / "manifest.json").write_text("{")
    listed = [json.loads(line) for line in run("model", "list", "--json", environment=environment).stdout.splitlines()]
    problems = {row["folder"]: row["problem"] for row in listed}
    assert "cannot be read as a manifest" in problems["1"]
    assert problems["2"] is None
    assert "damaged" in run("model", "list", environment=environment).stdout


def test_a_folder_without_a_manifest_cannot_be_verified_and_the_remedy_names_the_command(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", model_files(1_000))
    answer = run("model", "verify", str(folder), environment={"PATH": "/usr/bin"})
    assert answer.returncode == 15
    assert "has no manifest.json that its files could be compared with" in answer.stderr
    assert "`bge-reranker model fetch`" in answer.stderr
