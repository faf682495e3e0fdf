"""Liveness, readiness, `/info` and `/metrics`, for both listeners."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, get_args

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..engine.origin import PriorityClass
from ..errors import RerankerError
from ..guard.authentication import Authenticator
from ..observe.metrics import Metrics
from ..ranking.served_model import ServedModel
from ..serving.state import ServingState
from ..settings import Settings
from ..shadow.shadowing import Shadowing
from .dialects.tei_predict import LABEL_NAME
from .responses import json_response, unready_response


class HealthEndpoints:
    """Answers about the process itself.

    Args:
        state: What is served and how far it is.
        settings: The effective settings, for the limits in `/info`.
        metrics: What `/metrics` prints.
        authenticator: Whether callers must say who they are, which `/info` says, and which of them are known.
        shows_gate: Whether `/info` has the gate's verdict, in which there are queries of the golden set.
        shadowing: Whose comparison `/info` has.
    """

    def __init__(
        self,
        state: ServingState,
        settings: Settings,
        metrics: Metrics,
        authenticator: Authenticator,
        *,
        shows_gate: bool = False,
        shadowing: Shadowing | None = None,
    ) -> None:
        self._state = state
        self._settings = settings
        self._metrics = metrics
        metrics.live.set_function(lambda: state.is_live)
        metrics.ready.set_function(lambda: state.unready() is None)
        self._authenticator = authenticator
        self._shows_gate = shows_gate
        self._shadowing = shadowing

    async def live(self, request: Request) -> Response:
        """200 while the worker makes progress or the model loads, else 503: only a restart helps."""
        return _verdict(request, None if self._state.is_live else self._state.unready())

    async def ready(self, request: Request) -> Response:
        """200 when requests should come here, else 503 with the reason."""
        return _verdict(request, self._state.unready())

    async def info(self, _request: Request) -> Response:
        """What is served, by what, within which limits."""
        return json_response(orjson.dumps(self._info()))

    async def guard(self, _request: Request) -> Response:
        """Which callers are known, without anything that would open."""
        return json_response(orjson.dumps(self._authenticator.facts()))

    async def metrics(self, request: Request) -> Response:
        """Prometheus' text format, or OpenMetrics, which has exemplars, where the scraper asks for it."""
        accept, exposition = request.headers.get("accept"), self._metrics.exposition
        rendered = exposition.fresh(accept)
        if rendered is None:
            rendered = await asyncio.to_thread(exposition.render, accept)
        return Response(rendered.content, headers={"Content-Type": rendered.media_type, "Vary": "Accept"})

    def _info(self) -> dict[str, Any]:
        settings, model, unready = self._settings, self._state.model, self._state.unready()
        info: dict[str, Any] = {
            "name": "bge-reranker",
            "version": version("bge-reranker"),
            "ready": unready is None,
            "reason": unready.sentence() if unready else None,
            "limits": {
                "max_documents": settings.http.max_documents,
                "max_body_bytes": settings.http.max_body_bytes,
                "max_batch_tokens": settings.engine.max_batch_tokens,
                "max_batch_ms": settings.engine.max_batch_ms,
                "max_queue_tokens": settings.engine.max_queue_tokens,
                "deadline_s": settings.engine.deadline_s,
            },
            # Who writes a request for this listener, as the page does, must name any other dialect.
            "default_dialect": settings.dialects.default_dialect,
            "needs_key": self._authenticator.is_required,
        }
        if model is not None:
            info |= _about(model) | _tei_facts(model, settings)
        if self._shows_gate:
            verdict = None if model is None else model.gate
            info["gate"] = None if verdict is None else verdict.as_json()
        if self._shadowing is not None:
            report = self._shadowing.report
            info["shadow"] = None if report is None else report.as_json()
        return info


def _about(model: ServedModel) -> dict[str, Any]:
    return {
        "model": {
            "name": model.name,
            "source": model.source,
            "revision": model.revision,
            "digest": model.digest,
            "verified": model.verified,
        },
        "capacity": asdict(model.capacity),
        "expected": None if model.expected is None else asdict(model.expected),
        "scorer": model.description.as_json(),
        "text": asdict(model.ranker.policy),
        "engine": {
            "tokens_per_second": model.engine.tokens_per_second,
            "backlog_tokens": model.engine.backlog_tokens,
            "backlog_s": model.engine.backlog_s,
            "waiting_tokens": dict.fromkeys(get_args(PriorityClass), 0) | dict(model.engine.waiting_by_class),
            "budget_tokens": model.engine.budget_tokens,
        },
    }


def _tei_facts(model: ServedModel, settings: Settings) -> dict[str, Any]:
    """What text-embeddings-inference says under `/info`; Dify goes by it."""
    return {
        "model_id": model.name,
        "model_sha": model.revision,
        "model_dtype": model.description.precision,
        "served_model_name": model.name,
        # Dify looks at the first key only.
        "model_type": {"reranker": {"id2label": {"0": LABEL_NAME}, "label2id": {LABEL_NAME: 0}}},
        "max_concurrent_requests": settings.http.max_connections,
        "max_input_length": model.ranker.policy.max_pair_tokens,
        "max_batch_tokens": settings.engine.max_batch_tokens,
        "max_batch_requests": None,
        "max_client_batch_size": settings.http.max_documents,
        "auto_truncate": model.ranker.policy.long_documents != "reject",
        "tokenization_workers": 1,
        "sha": None,
        "docker_label": None,
    }


def _verdict(request: Request, unready: RerankerError | None) -> Response:
    if unready is None:
        return json_response(b'{"status":"ok"}')
    return unready_response(request, unready, {"status": "unavailable", "reason": unready.sentence()})
