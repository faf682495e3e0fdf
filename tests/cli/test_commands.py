"""The program as a person calls it, with the embedded model."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bge_reranker.configuration import settings_list

PROGRAM = str(Path(sys.executable).parent / "bge-reranker")


def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin", "COLUMNS": "120", "LANG": "C.UTF-8", **environment},
        check=False,
    )


def test_rerank_prints_lines_best_first_from_standard_input() -> None:
    answer = run("rerank", "人工智能发展趋势", "-", "--json", stdin="区块链技术解析\nAI在医疗的应用\n")
    assert answer.returncode == 0, answer.stderr
    results = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [result["text"] for result in results] == ["AI在医疗的应用", "区块链技术解析"]
    assert [result["index"] for result in results] == [1, 0]
    assert 0 < results[1]["score"] < results[0]["score"] < 1


def test_rerank_prints_a_table_with_line_numbers_and_no_control_characters(tmp_path: Path) -> None:
    file = tmp_path / "documents.txt"
    file.write_text("first \x1b[31m[bold]document\n\nsecond document\n")
    answer = run("rerank", "document", str(file), "--top-n", "2")
    assert answer.returncode == 0, answer.stderr
    assert "[bold]document" in answer.stdout
    assert "\x1b[31m" not in answer.stdout


def test_rerank_says_that_standard_input_is_closed() -> None:
    command = f"{shlex.quote(PROGRAM)} rerank q - <&-"
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "Standard input is closed" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_rerank_counts_blank_lines_as_people_do() -> None:
    answer = run("rerank", "b", "-", "--json", stdin="\n\nb\n")
    assert json.loads(answer.stdout)["index"] == 2


def test_rerank_gives_a_document_the_same_score_with_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    scores = []
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "documents.txt").write_text("Apples grow on trees.\nCars\n", encoding=encoding)
        answer = run("rerank", "how do apples grow", str(tmp_path / "documents.txt"), "--json")
        scores.append([json.loads(line)["score"] for line in answer.stdout.splitlines()])
    assert len(scores[0]) == 2
    assert scores == [scores[0]] * 3


def test_rerank_refuses_documents_in_another_encoding_by_name(tmp_path: Path) -> None:
    (tmp_path / "documents.txt").write_bytes("Äpfel\n".encode("latin-1"))
    answer = run("rerank", "q", str(tmp_path / "documents.txt"))
    assert answer.returncode == 1
    assert "documents.txt cannot be ranked: the file is not UTF-8" in answer.stderr
    assert "Save it as UTF-8." in answer.stderr


def test_rerank_replaces_what_the_terminal_cannot_show() -> None:
    answer = run("rerank", "q", "-", stdin="人工智能\n", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert answer.returncode == 0, answer.stderr
    assert "????" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("rerank", "query", "-"), "\n\n", "The documents are empty"),
        (("rerank", "", "-"), "text\n", "The query is empty"),
        (("rerank", "query", "-", "--model", "/absent/folder"), "text\n", "UnknownModel"),
        (("rerank", "query", "-", "--max-windows", "0"), "text\n", "text.maxWindows (flag --max-windows"),
        (("serve", "--port", "8001"), "", "http.port (8001) must be another number"),
        (("serve", "--model", "/absent/folder", "--port", "0", "--management-port", "0"), "", "UnknownModel"),
    ],
)
def test_a_wrong_call_ends_with_one_sentence_and_its_exit_code(
    arguments: tuple[str, ...], stdin: str, words: str
) -> None:
    answer = run(*arguments, stdin=stdin)
    assert answer.returncode == (10 if words == "UnknownModel" else 1)
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("arguments", [("settings",), ("--version",), ("model", "list", "--dir", "/nonexistent")])
def test_an_output_that_is_full_is_told_in_one_sentence(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False, env={"PATH": "/usr/bin"}
        )
    assert answer.returncode == 13
    assert answer.stderr == (
        "DiskFull: The output cannot be written: No space left on device. "
        "Free its volume, or send the output somewhere else.\n"
    )


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    with subprocess.Popen([PROGRAM, "settings"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_evaluate_refuses_before_its_work_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text('{"query": "q", "positive": ["a"], "negative": ["b"]}\n')
    command = ("evaluate", str(tmp_path / "cases.jsonl"), "--model", "/absent", "--json")
    answer = run(*command, str(tmp_path / "absent" / "report.json"))
    assert answer.returncode == 1
    assert f"there is no folder {tmp_path / 'absent'}. Make it, or name another file." in answer.stderr


def test_evaluate_says_in_one_sentence_that_its_file_is_full(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text('{"query": "q", "positive": ["a"], "negative": ["b"]}\n')
    answer = run("evaluate", str(tmp_path / "cases.jsonl"), "--no-bm25", "--json", "/dev/full")
    assert answer.returncode == 13
    assert answer.stderr.strip() == (
        "DiskFull: --json /dev/full cannot be written: No space left on device. Free its volume, or name another file."
    )


def test_a_server_whose_output_is_full_serves_and_ends() -> None:
    command = [PROGRAM, "serve", "--port", "0", "--management-port", "0", "--drain-delay-s", "0"]
    with (
        Path("/dev/full").open("w") as full,
        subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True, env={"PATH": "/usr/bin"}) as process,
    ):
        try:
            assert process.stderr is not None
            events = map(json.loads, process.stderr)
            address = next(event["management"] for event in events if event["event"] == "listening")
            assert any(event["event"] == "model_loaded" for event in events)
            assert httpx.get(f"{address}/health/live", timeout=60).status_code == 200
            process.terminate()
            assert [event["event"] for event in events] == ["draining", "stopped"]
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_a_wrong_variable_refuses_to_start() -> None:
    answer = run("serve", BGE_RERANKER_MAX_BATCH_TOKEN="7")
    assert (answer.returncode, "BGE_RERANKER_MAX_BATCH_TOKEN is not a setting" in answer.stderr) == (1, True)


def test_serve_logs_that_a_key_goes_by_its_former_name(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"model": {"model": str(tmp_path / "absent")}, "observe": {"logFormat": "json"}}))
    answer = run("serve", "--config", str(file), "--port", "0", "--management-port", "0")
    lines = [json.loads(line) for line in answer.stderr.splitlines() if line.startswith("{")]
    (warning,) = (line for line in lines if line["logger"] == "bge_reranker.configuration")
    assert warning["level"] == "warning"
    assert "model.model is called model.source now" in warning["event"]


def test_serve_help_documents_every_setting_with_default_and_variable() -> None:
    text = run("serve", "--help").stdout
    for setting in settings_list():
        assert setting.flag in text
        assert setting.variable in text


@pytest.mark.parametrize("command", [("serve",), ("model", "fetch")])
def test_a_switch_takes_no_value_in_any_command(command: tuple[str, ...]) -> None:
    assert "--allow-pickle / --no-allow-pickle" in run(*command, "--help").stdout


def test_a_choice_is_taken_in_any_case_on_the_command_line() -> None:
    answer = run("serve", "--log-level", "DEBUG", "--log-format", "JSON", "--port", "8001")
    assert "http.port (8001) must be another number" in answer.stderr


def test_settings_lists_every_setting() -> None:
    text = run("settings").stdout
    assert all(setting.key in text for setting in settings_list())


def test_selfcheck_says_that_the_embedded_model_is_not_bge_reranker_large() -> None:
    answer = run("model", "selfcheck")
    assert answer.returncode == 1
    assert "FAILED" in answer.stdout
    assert "-1.5264" in answer.stdout
