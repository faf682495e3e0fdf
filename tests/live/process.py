"""The whole server process around a model of a test's or benchmark's own, composed as `bge_reranker.app` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import uvloop

from bge_reranker.api.application import create_api, create_management
from bge_reranker.configuration import load_settings
from bge_reranker.guard.guard import create_guard
from bge_reranker.guard.score_cache.cache import create_score_cache
from bge_reranker.observe.logs import configure_logs
from bge_reranker.observe.metrics import Metrics
from bge_reranker.observe.start import create_metrics, start_tracing
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.serving.descriptors import Descriptors, raise_limit
from bge_reranker.serving.listeners import open_listeners
from bge_reranker.serving.process import ServerProcess
from bge_reranker.serving.state import ServingState
from bge_reranker.settings import Settings

Load = Callable[[Settings, Metrics, Executor], ServedModel]


def run_process(flags: Mapping[str, Any], load: Load, ready: Callable[[str, str], None]) -> int:
    """Serve until a signal, on free ports unless the flags name some.

    Args:
        flags: Settings that differ from the defaults, by field name.
        load: Gives the model.
        ready: Called with the addresses of the API and of the management listener.

    Returns:
        The exit code.
    """
    settings = load_settings(flags={"port": 0, "management_port": 0, **flags})
    configure_logs(settings.observe)
    state, executor, metrics = ServingState(), ThreadPoolExecutor(2), create_metrics(settings.observe)
    guard, tracing = create_guard(settings.guard, metrics), start_tracing(settings.observe, metrics)
    scores = create_score_cache(settings.scores, guard.redis, executor, metrics)
    api, management = open_listeners(
        create_api(state, settings, guard, metrics, tracing, executor, scores),
        create_management(state, settings, guard, metrics),
        settings.http,
        Descriptors.divide(raise_limit(), settings.http.max_connections),
        metrics.refused,
    )

    async def run() -> int:
        return await ServerProcess(
            state,
            api,
            management,
            lambda: load(settings, metrics, executor),
            settings.http,
            metrics,
            tracing,
            lambda _model: ready(api.address, management.address),
        ).run()

    return uvloop.run(run())
