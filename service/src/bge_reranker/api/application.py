"""The two ASGI applications: the API, and management without any rerank route."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ..errors import MethodNotAllowed, RerankerError, RouteNotFound
from ..observe.metrics import Metrics
from ..serving.state import ServingState
from ..settings import Settings
from .dispatch import DIALECTS
from .envelope import Envelope
from .health import HealthEndpoints
from .record import record_of
from .rerank import RerankEndpoint, openapi_examples
from .responses import error_response

RERANK_ROUTES = ("/rerank", "/v1/rerank")
"""Paths that rank; the dialect comes from header or body."""


def create_api(state: ServingState, settings: Settings, metrics: Metrics, executor: Executor) -> ASGIApp:
    """The application of the API listener.

    Args:
        state: What is served.
        settings: The effective settings.
        metrics: Where requests are counted.
        executor: Where large bodies are parsed and large answers written.
    """
    app = _framework("bge-reranker")
    endpoint = RerankEndpoint(state, settings.http, settings.engine, executor)
    for path in RERANK_ROUTES:
        app.add_api_route(
            path,
            endpoint.handle,
            methods=["POST"],
            summary="Rank documents for a query",
            description="The key that holds the documents settles the dialect: `candidates` (native), `texts` (TEI) or "
            "`documents` (Jina, Cohere v1). The header X-Rerank-Dialect overrides it.",
            openapi_extra=openapi_examples(*DIALECTS.values()),
            operation_id="rerank" + path.replace("/rerank", "").replace("/", "_"),
        )
    health = HealthEndpoints(state, settings, metrics)
    _add_health(app, health)
    app.add_api_route("/", health.ready, methods=["GET", "HEAD"], include_in_schema=False)
    return Envelope(app, state, metrics, settings.http.max_connection_age_s)


def create_management(state: ServingState, settings: Settings, metrics: Metrics) -> ASGIApp:
    """The application of the management listener.

    Args:
        state: What is served.
        settings: The effective settings.
        metrics: What `/metrics` prints.
    """
    app = _framework("bge-reranker management")
    _add_health(app, HealthEndpoints(state, settings, metrics))
    return Envelope(app, state, metrics, settings.http.max_connection_age_s)


def _framework(title: str) -> FastAPI:
    # The framework's own documentation pages load their scripts from elsewhere; the specification itself is served.
    app = FastAPI(title=title, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_exception_handler(HTTPException, _framework_error)
    return app


def _add_health(app: FastAPI, health: HealthEndpoints) -> None:
    probes: list[tuple[str, Any, str]] = [
        ("/health", health.ready, "Ready to rank?"),
        ("/health/ready", health.ready, "Ready to rank?"),
        ("/health/live", health.live, "Alive, or in need of a restart?"),
        ("/ping", health.ready, "Ready to rank?"),
    ]
    for path, endpoint, summary in probes:
        app.add_api_route(path, endpoint, methods=["GET"], summary=summary)
        app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
    app.add_api_route("/info", health.info, methods=["GET"], summary="What is served, by what, within which limits")
    app.add_api_route("/metrics", health.metrics, methods=["GET"], summary="Metrics in Prometheus' text format")


async def _framework_error(request: Request, raised: Exception) -> Response:
    """What the framework refuses by itself, as one of our errors."""
    assert isinstance(raised, HTTPException)  # noqa: S101 - registered for this class only; tells mypy so
    error: RerankerError
    if raised.status_code == MethodNotAllowed.status:
        allowed = (raised.headers or {}).get("Allow", "")
        error = MethodNotAllowed(
            f"{request.method} is not allowed on {request.url.path[:200]}.", remedy=f"Use: {allowed}."
        )
    else:
        error = RouteNotFound(f"There is no {request.url.path[:200]}.", remedy="GET /openapi.json lists the routes.")
    record_of(request).code = error.code
    response = error_response(error)
    response.headers.update(raised.headers or {})
    return response
