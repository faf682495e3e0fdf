"""Starts a server in this process: its own loop in a thread, both listeners on free ports."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bge_reranker.api.application import create_api, create_management
from bge_reranker.configuration import load_settings
from bge_reranker.engine.engine import Engine
from bge_reranker.engine.scorer import Scorer
from bge_reranker.guard.guard import create_guard
from bge_reranker.guard.score_cache.cache import create_score_cache
from bge_reranker.loading import load_model
from bge_reranker.observe.engine_events import EngineEvents
from bge_reranker.observe.logs import configure_logs
from bge_reranker.observe.metrics import Metrics
from bge_reranker.observe.start import create_metrics, start_tracing
from bge_reranker.ranking.ranker import Ranker
from bge_reranker.ranking.served_model import Capacity, ServedModel
from bge_reranker.serving.listeners import Listener
from bge_reranker.serving.state import ServingState
from bge_reranker.settings import ObserveSettings, Settings
from bge_reranker.shadow.shadowing import Shadowing
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.policy import resolve_policy

from .scripted_scorer import MAX_PAIR_TOKENS, ScriptedScorer, panicking_encoder

WAIT_S = 20.0
"""Longest wait of a test for something that should happen at once."""


@dataclass(frozen=True)
class LiveServer:
    """A running server and everything a test may want to look at or turn."""

    url: str
    management_url: str
    scorer: ScriptedScorer
    engine: Engine
    state: ServingState
    metrics: Metrics
    log: io.StringIO
    """What the server has logged so far. Never the process' own streams: pytest swaps those while our threads write."""

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port or 0

    def post(self, body: Any, path: str = "/rerank", **options: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=WAIT_S, **options)

    def is_well(self, key: str | None = None) -> bool:
        """Whether an ordinary request is answered as always.

        Args:
            key: A key of the server's, if it wants one.
        """
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        answer = self.post({"query": "q", "candidates": ["bad", "good"]}, headers=headers)
        return answer.status_code == 200 and answer.json()["ranked_candidates"] == ["good", "bad"]


@contextmanager
def live_server(
    folder: Path,
    flags: Mapping[str, Any] | None = None,
    max_pair_tokens: int = MAX_PAIR_TOKENS,
    shadowing_of: Callable[[Metrics], Shadowing] | None = None,
    *,
    model_source: str = "",
) -> Iterator[LiveServer]:
    """Serve a scripted scorer until the block ends.

    Args:
        folder: Where the tokenizer is written.
        flags: Settings that differ from the defaults, by field name.
        max_pair_tokens: The scorer's window.
        shadowing_of: Makes what samples its requests; None for nothing.
        model_source: A real model to serve instead of the scripted scorer.
    """
    own = {"port": 0, "management_port": 0, "log_level": "error"} | ({"model": model_source} if model_source else {})
    settings = load_settings(flags=own | dict(flags or {}))

    def load(scorer: ScriptedScorer, metrics: Metrics, executor: Executor) -> ServedModel:
        if model_source:
            return loaded_model(settings, metrics, executor)
        return model_of(folder, settings, scorer, metrics, executor)

    scorer = ScriptedScorer(max_pair_tokens)
    with _logs(settings.observe) as log, _running(settings, scorer, load, log, shadowing_of) as server:
        yield server


@contextmanager
def _running(
    settings: Settings,
    scorer: ScriptedScorer,
    load: Callable[[ScriptedScorer, Metrics, Executor], ServedModel],
    log: io.StringIO,
    shadowing_of: Callable[[Metrics], Shadowing] | None,
) -> Iterator[LiveServer]:
    state, metrics = ServingState(), create_metrics(settings.observe)
    tracing = start_tracing(settings.observe, metrics)
    shadowing = None if shadowing_of is None else shadowing_of(metrics)
    executor, guard = ThreadPoolExecutor(2), create_guard(settings.guard, metrics)
    state.model = load(scorer, metrics, executor)
    scores = create_score_cache(settings.scores, guard.redis, executor, metrics)
    api = Listener(
        create_api(state, settings, guard, metrics, tracing, executor, scores, shadowing),
        "127.0.0.1",
        0,
        "port",
        settings.http,
        metrics.refused,
    )
    management = Listener(
        create_management(state, settings, guard, metrics, shadowing),
        "127.0.0.1",
        0,
        "port",
        settings.http,
        metrics.refused,
    )

    async def serve() -> None:
        await asyncio.gather(api.run_until_stopped(), management.run_until_stopped())
        if guard.redis is not None:
            await guard.redis.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield LiveServer(api.address, management.address, scorer, state.model.engine, state, metrics, log)
    finally:
        scorer.gate.set()
        api.stop()
        management.stop()
        thread.join(WAIT_S)
        state.model.engine.close(WAIT_S)
        executor.shutdown()
        tracing.shutdown()
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def _logs(settings: ObserveSettings) -> Iterator[io.StringIO]:
    """Send this process' logs to a text of our own; afterwards where they went before, at the level of before."""
    root, log = logging.getLogger(), io.StringIO()
    # pytest's own handlers last as long as one phase of a test, and are not ours to put back.
    level, handlers = root.level, [handler for handler in root.handlers if type(handler) is logging.StreamHandler]
    configure_logs(settings, log)
    try:
        yield log
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


def loaded_model(settings: Settings, metrics: Metrics, executor: Executor) -> ServedModel:
    """The model that the settings name."""
    model = load_model(settings, {}, executor, EngineEvents(metrics))
    metrics.serve(model.name, model.revision, model.digest, model.description, model.engine)
    return model


def model_of(folder: Path, settings: Settings, scorer: Scorer, metrics: Metrics, executor: Executor) -> ServedModel:
    """A scripted scorer behind a real engine, with the scripted tokenizer.

    Args:
        folder: Where the tokenizer is written.
        settings: Of engine and texts.
        scorer: Computes.
        metrics: Where the engine's events are counted.
        executor: Where texts are tokenised.
    """
    return model_with(panicking_encoder(folder), settings, scorer, metrics, executor)


def model_with(
    encoder: PairEncoder, settings: Settings, scorer: Scorer, metrics: Metrics, executor: Executor
) -> ServedModel:
    """The same with another tokenizer."""
    engine = Engine(scorer, settings.engine, observer=EngineEvents(metrics))
    engine.start()
    engine.wait_until_ready(WAIT_S)
    policy = resolve_policy(settings.text, scorer.description.max_pair_tokens)
    metrics.serve("scripted", None, "d" * 64, scorer.description, engine)
    return ServedModel(
        name="scripted",
        source="file:///scripted",
        revision=None,
        digest="d" * 64,
        verified="full",
        capacity=Capacity(1280.0, 10.0, 128),
        ranker=Ranker(encoder, engine, policy, executor),
        engine=engine,
        description=scorer.description,
    )
