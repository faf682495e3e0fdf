"""Real client libraries against a live server, and what the matrix says of them."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Sequence
from typing import get_args

import pytest

from tests.in_ci import lacking
from tests.live.server import LiveServer, live_server

from .client_row import ClientRow, Family
from .drivers.driving import KEY
from .environments import environment_python, locked_version
from .full_server import full_server
from .outcome import read_results
from .running import outcomes_of, runs
from .table import FIXED, ROWS, SERVER_FLAGS, WINDOW_TOKENS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A live server that wants a key, with the default patience: a client starting on a busy machine is slow."""
    with live_server(tmp_path_factory.mktemp("server"), SERVER_FLAGS, WINDOW_TOKENS) as running:
        yield running


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A live server that answers 429."""
    with full_server(tmp_path_factory.mktemp("full")) as running:
        yield running


@pytest.mark.parametrize("rows", runs().values(), ids=runs().keys())
def test_a_client_library_gets_what_the_matrix_says(
    rows: Sequence[ClientRow], server: LiveServer, full: LiveServer
) -> None:
    make_environment(rows[0].environment)
    reviewed = read_results()
    # `python -m tests.clients --update-golden` rewrites the outcomes; review what changes.
    assert outcomes_of(rows, server.url, full.url) == {row.key: reviewed[row.key] for row in rows}
    assert server.is_well(KEY)


def test_a_row_whose_call_fails_does_not_work() -> None:
    rows = runs()["lightrag"]
    make_environment("lightrag")
    with socket.socket() as nobody:
        # Bound and never listening: connections are refused, and nobody else gets the port.
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        outcomes = outcomes_of(rows, url, url)
    assert {outcome.ranking for outcome in outcomes.values()} == {"fails with ClientConnectorError"}


def make_environment(name: str) -> None:
    try:
        environment_python(name)
    except subprocess.CalledProcessError as error:
        lacking(f"the environment {name} cannot be installed here: {error}")


def test_every_row_has_a_reviewed_outcome_and_no_outcome_is_left_over() -> None:
    assert list(read_results()) == [row.key for row in ROWS]


def test_every_row_of_the_matrix_works() -> None:
    assert {key: outcome.ranking for key, outcome in read_results().items() if not outcome.works} == {}


def test_every_family_with_a_client_library_has_a_row() -> None:
    assert {row.family for row in ROWS} == set(get_args(Family))


def test_reviewed_versions_are_those_of_the_locks() -> None:
    results = read_results()
    for row in ROWS:
        assert results[row.key].version == locked_version(row.environment, row.package), row.key


def test_clients_with_a_fixed_address_are_in_the_locks_too() -> None:
    assert all(locked_version(client.environment, client.package) for client in FIXED)
