"""The composition root of the server: settings in, a process ready to run out."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import structlog

from .api.application import create_api, create_management
from .configuration import masked
from .guard.guard import create_guard
from .guard.score_cache.cache import create_score_cache
from .judging import check_published, load_gate, pass_gate
from .loading import load_model
from .observe.engine_events import EngineEvents
from .observe.gpu import watch_gpus
from .observe.logs import adopt_loggers
from .observe.start import create_metrics, start_tracing
from .ranking.served_model import ServedModel
from .serving.descriptors import Descriptors, raise_limit
from .serving.listeners import open_listeners
from .serving.process import ServerProcess
from .serving.state import ServingState
from .settings import Settings
from .shadow.shadowing import create_shadowing

_TEXT_THREADS = 2
"""Threads that tokenise and parse. The tokenizer's own threads do the work; two let one request overtake another."""

_log = structlog.get_logger("bge_reranker.process")


def create_process(settings: Settings, on_ready: Callable[[str, ServedModel], None]) -> ServerProcess:
    """Bind both listeners and compose everything behind them; nothing is loaded yet.

    Args:
        settings: The effective settings.
        on_ready: Called with the API's address and the model once requests can be ranked.

    Raises:
        SettingsError: If a port cannot be bound, what the guard needs cannot be read, or the process may open too few
            files, or what sends traces is not installed.
        GateInputChanged: If the golden set is not the one that the settings name.
        InvalidJudgements: If the golden set is none.
    """
    files = Descriptors.divide(raise_limit(), settings.http.max_connections)
    if files.connections < settings.http.max_connections:
        _log.warning(
            "max_connections_capped",
            wanted=settings.http.max_connections,
            granted=files.connections,
            reason="The process may not open more files: raise its hard limit (ulimit -Hn), or lower maxConnections.",
        )
        http = settings.http.model_copy(update={"max_connections": files.connections})
        settings = settings.model_copy(update={"http": http})
    _log.info("settings", **masked(settings))
    gate = load_gate(settings)
    state, metrics, http = ServingState(), create_metrics(settings.observe), settings.http
    guard = create_guard(settings.guard, metrics)
    _log.info("guarded" if guard.authenticator.is_required else "open_to_everybody", **guard.authenticator.counts())
    tracing = start_tracing(settings.observe, metrics)
    shadowing = create_shadowing(settings, metrics.shadow)
    if settings.model.device != "cpu":
        watch_gpus(metrics.registry)
    refused = metrics.refused
    executor = ThreadPoolExecutor(_TEXT_THREADS, thread_name_prefix="text")
    scores = create_score_cache(settings.scores, guard.redis, executor, metrics)
    api, management = open_listeners(
        create_api(state, settings, guard, metrics, tracing, executor, scores, shadowing),
        create_management(state, settings, guard, metrics, shadowing),
        http,
        files,
        refused,
    )

    def load() -> ServedModel:
        model = load_model(settings, os.environ, executor, EngineEvents(metrics))
        adopt_loggers()
        scorer = model.description
        _log.info(
            "model_loaded",
            model=model.name,
            revision=model.revision,
            digest=model.digest,
            runtime=scorer.runtime,
            precision=scorer.precision,
            device=scorer.device_name,
            notes=[str(note) for note in scorer.notes],
        )
        metrics.serve(model.name, model.revision, model.digest, model.description, model.engine)
        try:
            check_published(model)
            if gate is not None:
                model = replace(model, gate=pass_gate(gate, model))
        except BaseException:
            model.close()
            raise
        if model.gate is not None:
            metrics.judge(model.gate)
        _exempt_from_collection()
        if shadowing is not None:
            shadowing.start()
        model.engine.warm_up_while_idle()
        return model

    _log.info("listening", api=api.address, management=management.address)
    return ServerProcess(
        state,
        api,
        management,
        load,
        http,
        metrics,
        tracing,
        lambda model: on_ready(api.address, model),
        (lambda: None) if shadowing is None else shadowing.stop,
    )


def _exempt_from_collection() -> None:
    """Keep what start-up made out of later garbage collections: walking it holds the event loop."""
    gc.collect()
    gc.freeze()
