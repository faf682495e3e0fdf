from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bge_reranker.cli.main import program
from bge_reranker.errors import SettingsError
from bge_reranker.guard.api_keys import read_keys


def run(*arguments: str, text: str = "") -> list[str]:
    outcome = CliRunner().invoke(program, ["keys", *arguments], input=text, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout.splitlines()


def test_a_key_that_was_made_is_opened_by_its_line_which_does_not_hold_it() -> None:
    key, line = run("make", "--name", "search", "--scope", "rerank", "--scope", "metrics")
    assert key not in line
    caller = read_keys(line, "f").find(key)
    assert caller is not None
    assert (caller.name, set(caller.scopes)) == ("search", {"rerank", "metrics"})
    assert run("make")[0] != key


def test_a_key_that_exists_is_hashed_from_standard_input(tmp_path: Path) -> None:
    (line,) = run("hash", "--name", "jobs", text="an-old-key-of-ours\n")
    (tmp_path / "keys").write_text(line)
    (shown,) = run("check", str(tmp_path / "keys"))
    assert shown.split()[1:] == ["jobs", "rerank"]
    assert "an-old-key" not in shown


@pytest.mark.parametrize("arguments", [("make", "--name", "a b"), ("make", "--scope", "root"), ("hash", "--name", "")])
def test_what_no_line_could_say_is_refused(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(program, ["keys", *arguments], input="a-long-enough-key").exit_code == 2


def test_a_key_too_short_is_not_hashed() -> None:
    with pytest.raises(SettingsError, match="at least 8"):
        CliRunner().invoke(program, ["keys", "hash"], input="short\n", catch_exceptions=False)
