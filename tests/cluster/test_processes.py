from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import processes
from tests.cluster.failures import ClusterError, last_lines
from tests.cluster.layout import MARKER
from tests.cluster.tools import TOOLS


def test_a_process_is_known_by_the_mark_in_its_environment() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={MARKER: "a test"}) as process:
        assert [found.pid for found in processes.marked("a test")] == [process.pid]
        process.communicate(b"\n")
    assert list(processes.marked("a test")) == []


def test_a_component_that_ends_is_named_with_its_exit_code() -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(ClusterError, match=r"no-such-component ended with 3"):
        processes.await_healthy("no-such-component", process, lambda: False, limit_s=60)


def test_the_end_of_a_log_is_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\n".join(str(number) for number in range(100_000)))
    assert last_lines(tmp_path / "log", count=2) == "99998\n99999"


def test_every_tool_s_version_is_read_from_its_own_module_file() -> None:
    assert {tool.version[0] for tool in TOOLS} == {"v"}
    assert all((tool.source / "go.sum").exists() for tool in TOOLS)
