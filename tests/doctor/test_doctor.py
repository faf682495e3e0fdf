"""The doctor on this machine, and on settings that cannot work."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bge_reranker.cli import doctor as command
from bge_reranker.cli.doctor import doctor
from bge_reranker.configuration import load_settings
from bge_reranker.demo import demo_model_directory
from bge_reranker.doctor.checks import tls
from bge_reranker.doctor.examination import CHECKS, examine
from bge_reranker.doctor.finding import Verdict
from bge_reranker.doctor.subject import Subject
from tests.live.server import LiveServer
from tests.serving.test_certificates import write_pair
from tests.store.test_bundle import fetched_from_hub
from tests.store.test_commands import run


def report(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(doctor, ["--json", *arguments], env=environment)
    return done.exit_code, json.loads(done.stdout)


def by_check(found: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {finding["check"]: finding for finding in found["checks"]}


def test_settings_that_cannot_be_are_red_and_all_that_there_is_to_say() -> None:
    code, found = report("--threads", "-1")
    assert (code, found["verdict"]) == (Verdict.RED, "red")
    (finding,) = found["checks"]
    assert finding["check"] == "settings"
    assert "threads" in finding["found"]
    assert finding["remedy"]


def test_this_machine_is_examined_whole() -> None:
    done = run(
        "doctor", "--port", "0", "--management-port", "0", environment={"PATH": "/usr/bin", "HOME": "/nonexistent"}
    )
    assert done.returncode in {0, 1}, done.stdout
    for word in ("gpu", "memory", "kernel", "packages", "demo", "verdict", "remedy", "green"):
        assert word in done.stdout


def test_names_on_the_command_line_are_those_of_the_checks() -> None:
    assert list(CHECKS) == list(command.NAMES)


def test_a_model_that_was_never_fetched_is_red_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    code, found = report(
        "--model", "hf://org/name", "--cache-dir", str(tmp_path), "--check", "model", "--check", "cache"
    )
    assert (code, found["verdict"]) == (2, "red")
    assert "bge-reranker model fetch" in by_check(found)["model"]["remedy"]


@pytest.mark.parametrize("verify", ["auto", "full"])
def test_a_damaged_model_is_red(tmp_path: Path, verify: str) -> None:
    demo = {file.name: file.read_bytes() for file in demo_model_directory().iterdir() if file.is_file()}
    version = fetched_from_hub(tmp_path, demo).version
    settings = ("--model", "hf://org/name", "--cache-dir", str(tmp_path), "--verify", verify, "--check", "model")
    assert report(*settings)[0] == 0
    (version.path / "tokenizer.json").write_bytes(b'{"model": []}')
    code, found = report(*settings)
    assert code == 2
    assert by_check(found)["model"]["found"].startswith("DigestMismatch: ")


def test_a_model_of_which_nothing_says_what_it_should_be_is_yellow_and_its_weights_are_counted(tmp_path: Path) -> None:
    settings = ("--model", str(demo_model_directory()), "--check", "model", "--check", "memory", "--device", "cpu")
    code, found = report(*settings)
    assert (code, by_check(found)["model"]["verdict"]) == (1, "yellow")
    assert "the model takes" in by_check(found)["memory"]["found"]
    assert CliRunner().invoke(doctor, [*settings, "--only-red"]).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_does_not_answer_is_red_and_yellow_where_the_model_is_here(tmp_path: Path) -> None:
    fetched_from_hub(tmp_path)
    settings = ("--check", "source", "--cache-dir", str(tmp_path))
    away = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    code, found = report(*settings, "--model", "hf://org/other", environment=away)
    assert (code, found["checks"][0]["verdict"]) == (2, "red")
    code, found = report(*settings, "--model", "hf://org/name", environment=away)
    assert (code, found["checks"][0]["verdict"]) == (1, "yellow")
    assert "127.0.0.1:9 does not answer" in found["checks"][0]["found"]


@pytest.mark.parametrize(
    ("model", "verdict", "words"),
    [("scripted", 0, "this server's"), ("demo", 2, "a bge-reranker that serves scripted")],
)
def test_a_taken_port_is_its_own_only_with_the_same_model(
    server: LiveServer, tmp_path: Path, model: str, verdict: int, words: str
) -> None:
    if model != "demo":
        shutil.copytree(demo_model_directory(), tmp_path / model)
        model = str(tmp_path / model)
    port = server.url.rpartition(":")[2]
    code, found = report("--model", model, "--port", port, "--management-port", "0", "--check", "ports")
    assert code == verdict, found
    assert words in by_check(found)["port"]["found"]


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--max-pair-tokens", "100000"), "maxPairTokens"),
        (("--precision", "int8"), "not quantised"),
    ],
)
def test_settings_that_the_model_would_refuse_are_red(flags: tuple[str, ...], word: str) -> None:
    code, found = report("--check", "model", *flags)
    assert (code, by_check(found)["model"]["verdict"]) == (2, "red")
    assert word in by_check(found)["model"]["found"]
    assert by_check(found)["model"]["remedy"]


def test_a_dual_encoder_is_asked_for_what_it_needs() -> None:
    code, found = report("--model", "demo-clip", "--check", "model")
    assert (code, by_check(found)["model"]["verdict"]) == (0, "green"), found


def test_a_redis_that_is_away_is_yellow(tmp_path: Path) -> None:
    code, found = report("--redis-url", "redis://127.0.0.1:9/0", "--check", "redis")
    assert (code, found["checks"][0]["verdict"]) == (1, "yellow")
    assert list(tmp_path.iterdir()) == []


def test_files_of_the_guard_are_red_where_the_server_would_not_start_and_their_content_is_not_shown(
    tmp_path: Path,
) -> None:
    keys, secrets = tmp_path / "keys", tmp_path / "secrets"
    keys.write_text("hush-hush-1\n")
    secrets.write_text("hush-hush-too-short\n")
    tokens = ("--jwt-issuer", "i", "--jwt-audience", "a", "--jwt-secret-file", str(secrets))
    absent = ("--jwks-file", str(tmp_path / "absent"))
    code, found = report("--check", "guard", "--keys-file", str(keys), *tokens, *absent)
    assert (code, [each["verdict"] for each in found["checks"]]) == (2, ["green", "red", "red"])
    assert "has 19 bytes; HS256 needs 32" in found["checks"][1]["found"]
    assert found["checks"][2]["remedy"] == "Mount it there, in UTF-8, or correct jwksFile."
    assert "hush" not in str(found)


def test_a_key_set_that_cannot_be_fetched_is_yellow_without_its_address() -> None:
    tokens = ("--jwt-issuer", "i", "--jwt-audience", "a", "--jwks-url", "https://127.0.0.1:9/hush/keys")
    code, found = report("--check", "guard", *tokens)
    assert (code, found["checks"][0]["verdict"]) == (1, "yellow")
    assert "jwksUrl cannot be fetched (ConnectError)" in found["checks"][0]["found"]
    assert "hush" not in str(found)


def test_a_certificate_is_red_where_it_cannot_be_used_and_yellow_before_it_expires(tmp_path: Path) -> None:
    write_pair(tmp_path, "first")
    pair = ("--tls-cert-file", str(tmp_path / "tls.crt"), "--tls-key-file", str(tmp_path / "tls.key"))
    assert report("--check", "tls")[1]["checks"][0]["found"].startswith("not configured")
    code, found = report("--check", "tls", *pair)
    assert (code, "tls.crt expires on 20" in found["checks"][0]["found"]) == (1, True)
    (tmp_path / "tls.key").write_text("hush")
    code, refused = report("--check", "tls", *pair)
    assert (code, refused["checks"][0]["verdict"]) == (2, "red")
    assert "hush" not in str(refused)
    now = datetime(2026, 1, 10, tzinfo=UTC)
    verdicts = [tls.judge("f", now + timedelta(days=days), now).verdict for days in (-1, 3, 30)]
    assert verdicts == [Verdict.RED, Verdict.YELLOW, Verdict.GREEN]


def test_a_check_that_fails_ends_no_other() -> None:
    def broken(_: Subject) -> list[Any]:
        raise RuntimeError("a strange machine")

    checks = {"gpu": broken, "kernel": CHECKS["kernel"]}
    first, second = examine(Subject(load_settings(None, {}, {}), {}), checks=checks)
    assert (first.verdict, "a strange machine" in first.found) == (Verdict.YELLOW, True)
    assert second.check == "kernel"
