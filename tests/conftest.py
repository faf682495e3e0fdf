from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import settings

from bge_reranker.cli.main import program
from tests import needs
from tests.live.server import LiveServer, live_server

FLAGS = {
    "max_body_bytes": 8_000_000,
    "max_documents": 5_000,
    "header_timeout_s": 1.0,
    "body_timeout_s": 2.0,
    "max_batch_tokens": 64,
    "max_queue_tokens": 100_000,
}
"""Short patience and a small body limit."""

# How long an example takes says more about the machine than about the code.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="Write what was reviewed anew; then look at the diff."
    )


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = (str(report.longrepr) for report in terminalreporter.stats.get("skipped", ()))
    if line := needs.summary(reasons):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One live server for all tests of a module that leave it as they found it."""
    with live_server(tmp_path_factory.mktemp("server"), FLAGS) as running:
        yield running


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[LiveServer]:
    """A live server of a test's own, to count from zero or to change its state."""
    with live_server(tmp_path, FLAGS) as running:
        yield running


@pytest.fixture(scope="session")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model in int8, to look at only."""
    folder = tmp_path_factory.mktemp("quantised") / "demo-int8"
    outcome = CliRunner().invoke(program, ["quantise", "demo", "--to", "int8", "--output", str(folder)])
    assert outcome.exit_code == 0, outcome.output
    return folder
