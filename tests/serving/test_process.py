"""How a server process ends when its model cannot be loaded."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from bge_reranker.api.application import create_api, create_management
from bge_reranker.configuration import load_settings
from bge_reranker.errors import CorruptFile
from bge_reranker.guard.guard import create_guard
from bge_reranker.observe.metrics import Metrics
from bge_reranker.observe.tracing import NoTracing
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.serving.listeners import Listener
from bge_reranker.serving.process import ServerProcess
from bge_reranker.serving.state import ServingState


@pytest.fixture(autouse=True)
def own_signal_handlers() -> Iterator[None]:
    """Put back what the process sets for itself."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run_until_it_ends(error: Exception) -> tuple[int, ServerProcess, Metrics]:
    """Run a whole process whose model's load raises."""

    def load() -> ServedModel:
        raise error

    async def run() -> tuple[int, ServerProcess, Metrics]:
        settings = load_settings(flags={"port": 0, "management_port": 0, "drain_delay_s": 0})
        state, metrics, http = ServingState(), Metrics(), settings.http
        guard = create_guard(settings.guard, metrics)
        with ThreadPoolExecutor(1) as executor:
            api = create_api(state, settings, guard, metrics, NoTracing(), executor)
            management = create_management(state, settings, guard, metrics)
            process = ServerProcess(
                state,
                Listener(api, http.host, 0, "port", http, metrics.refused),
                Listener(management, http.management_host, 0, "managementPort", http, metrics.refused),
                load,
                http,
                metrics,
                NoTracing(),
                lambda _model: pytest.fail("there is no model"),
            )
            return await process.run(), process, metrics

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [(CorruptFile("Half of it is missing."), "CorruptFile", 15), (KeyError("a bug"), "InternalError", 1)],
)
def test_a_process_without_its_model_ends_and_counts_why(error: Exception, code: str, exit_code: int) -> None:
    with capture_logs() as logged:
        found, process, metrics = run_until_it_ends(error)
    assert found == exit_code
    assert process.failure is not None
    assert process.failure.code == code
    assert metrics.registry.get_sample_value("bge_reranker_errors_total", {"code": code}) == 1
    (reported,) = [line for line in logged if line["event"] == "model_failed"]
    assert (reported["code"], reported["message"]) == (code, process.failure.message)
    assert json.dumps(reported)
