"""The composition root of the server: settings in, a process ready to run out."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from .api.application import create_api, create_management
from .configuration import masked
from .guard.api_keys import load_keys
from .loading import load_model
from .observe.engine_events import EngineEvents
from .observe.metrics import Metrics
from .serving.listeners import Listener
from .serving.process import ServerProcess
from .serving.state import ServedModel, ServingState
from .settings import Settings

_TEXT_THREADS = 2
"""Threads that tokenise and parse. The tokenizer's own threads do the work; two let one request overtake another."""

_log = structlog.get_logger("bge_reranker.process")


def create_process(settings: Settings, on_ready: Callable[[str, ServedModel], None]) -> ServerProcess:
    """Bind both listeners and compose everything behind them; nothing is loaded yet.

    Args:
        settings: The effective settings.
        on_ready: Called with the API's address and the model once requests can be ranked.

    Raises:
        SettingsError: If a port cannot be bound, or the keys of callers cannot be read.
    """
    _log.info("settings", **masked(settings))
    keys = load_keys(settings.guard)
    _log.info("guarded" if keys else "open_to_everybody", keys=len(keys))
    state, metrics, http = ServingState(), Metrics(), settings.http
    refused = metrics.refused
    executor = ThreadPoolExecutor(_TEXT_THREADS, thread_name_prefix="text")
    api = Listener(create_api(state, settings, keys, metrics, executor), http.host, http.port, "port", http, refused)
    management = Listener(
        create_management(state, settings, keys, metrics),
        http.management_host,
        http.management_port,
        "managementPort",
        http,
        refused,
    )

    def load() -> ServedModel:
        model = load_model(settings, os.environ, executor, EngineEvents(metrics))
        scorer = model.description
        _log.info(
            "model_loaded",
            model=model.name,
            revision=model.revision,
            digest=model.digest,
            runtime=scorer.runtime,
            precision=scorer.precision,
            device=scorer.device_name,
            notes=scorer.notes,
        )
        metrics.serve(model.name, model.digest, model.description, model.engine)
        _exempt_from_collection()
        return model

    _log.info("listening", api=api.address, management=management.address)
    return ServerProcess(state, api, management, load, http, metrics, lambda model: on_ready(api.address, model))


def _exempt_from_collection() -> None:
    """Keep what start-up made out of later garbage collections: walking it held the event loop for 40 ms."""
    gc.collect()
    gc.freeze()
