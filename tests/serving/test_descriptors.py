"""The limit of open files: raised at start, divided so that no caller can take what probes need."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from bge_reranker.errors import SettingsError
from bge_reranker.serving.descriptors import LINGERING_CONNECTIONS, Descriptors

from .test_shutdown import BODY, WAIT_S, slow_server


@pytest.mark.parametrize(
    ("limit", "connections", "management", "waiting"),
    [(None, 4096, 4096, 2048), (1_048_576, 4096, 4096, 2048), (20_000, 4096, 2500, 1250), (1024, 512, 128, 64)],
)
def test_limit_is_divided(limit: int | None, connections: int, management: int, waiting: int) -> None:
    assert Descriptors.divide(limit, 4096) == Descriptors(connections, management, waiting)


@pytest.mark.parametrize("limit", [512, 1000, 4096, 65_536, 1_048_576])
@pytest.mark.parametrize("wanted", [1, 100, 4096, 1_000_000])
def test_everything_at_once_stays_below_the_limit(limit: int, wanted: int) -> None:
    files = Descriptors.divide(limit, wanted)
    beyond = LINGERING_CONNECTIONS + 2 * files.waiting
    assert files.connections + files.management_connections + 2 * beyond + 64 <= limit
    assert min(files.connections, files.management_connections) >= min(wanted, 64)


def test_limit_that_is_too_low_is_refused_with_both_figures() -> None:
    with pytest.raises(SettingsError, match="may open 511 files; a server needs 512"):
        Descriptors.divide(511, 4096)


def test_flood_of_connections_leaves_the_management_listener_alone(tmp_path: Path) -> None:
    with slow_server(tmp_path, "header_timeout_s=60", open_files=512) as server, ExitStack() as flood:
        server.open_gate()
        url = httpx.URL(server.url)
        tick = threading.Event()

        def is_full() -> bool:
            # Fewer at a time than the kernel holds: what it drops comes again after seconds.
            for _ in range(20):
                connection = flood.enter_context(socket.socket())
                connection.setblocking(False)
                connection.connect_ex((url.host, url.port or 0))
            return server.refused_connections() > 0 or tick.wait(0.02)

        assert any(is_full() for _ in range(100))
        for _ in range(20):
            assert server.health() == 200
        flood.close()
        assert httpx.post(server.url + "/rerank", json=BODY, timeout=WAIT_S).status_code == 200
        assert server.limit() == (512, 512), "raised from half of it"
