"""The two ASGI applications: the API, and management without any rerank route."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ..errors import MethodNotAllowed, RerankerError, RouteNotFound
from ..observe.metrics import Metrics
from ..serving.state import ServingState
from ..settings import Settings
from .discovery import DiscoveryEndpoints
from .dispatch import ROUTES
from .envelope import Envelope
from .health import HealthEndpoints
from .page import add_page
from .prefix import DialectPrefix
from .probes import Probe, client_probes, own_probes
from .record import record_of
from .rerank import RerankEndpoint
from .responses import error_response
from .specification import full_specification, specification
from .tokens import TokenEndpoints

_TITLE = "bge-reranker"
_HOSTED_NIM_ROUTE = "/v1/retrieval/{rest:path}/reranking"
"""Where NVIDIA's hosted models answer; clients that append to a base address come here."""


def create_api(state: ServingState, settings: Settings, metrics: Metrics, executor: Executor) -> ASGIApp:
    """The application of the API listener.

    Args:
        state: What is served.
        settings: The effective settings.
        metrics: Where requests are counted.
        executor: Where large bodies are parsed and large answers written.
    """
    health = HealthEndpoints(state, settings, metrics)
    probes = own_probes(health) + client_probes(health, DiscoveryEndpoints(state, settings))
    root = Probe("/", health.ready, "Ready to rank? To a browser: the page", (503,), ("application/json", "text/html"))
    app = _framework(full_specification(_TITLE, [*probes, root], settings.http))
    endpoint = RerankEndpoint(state, settings, executor)
    for route in ROUTES:
        app.add_api_route(route, endpoint.at(route), methods=["POST"])
    app.add_api_route(_HOSTED_NIM_ROUTE, endpoint.at("/v1/ranking"), methods=["POST"])
    _add_tokens(app, TokenEndpoints(state, settings, executor))
    _add_probes(app, probes)
    add_page(app, health.ready)
    return Envelope(DialectPrefix(app), state, metrics, settings.http.max_connection_age_s)


def create_management(state: ServingState, settings: Settings, metrics: Metrics) -> ASGIApp:
    """The application of the management listener.

    Args:
        state: What is served.
        settings: The effective settings.
        metrics: What `/metrics` prints.
    """
    probes = own_probes(HealthEndpoints(state, settings, metrics))
    app = _framework(specification(f"{_TITLE} management", probes, settings.http))
    _add_probes(app, probes)
    return Envelope(app, state, metrics, settings.http.max_connection_age_s)


def _framework(document: dict[str, Any]) -> FastAPI:
    # The framework's own documentation pages load their scripts from elsewhere; the specification itself is served.
    app = FastAPI(title=document["info"]["title"], docs_url=None, redoc_url=None, redirect_slashes=False)
    # FastAPI writes its own specification again whenever a route was added after one was set.
    app.openapi = lambda: document  # type: ignore[method-assign] # the way that FastAPI's documentation gives
    app.add_exception_handler(HTTPException, _framework_error)
    return app


def _add_tokens(app: FastAPI, tokens: TokenEndpoints) -> None:
    app.add_api_route("/tokenize", tokens.tokenize, methods=["POST"])
    app.add_api_route("/decode", tokens.decode, methods=["POST"])
    app.add_api_route("/v3/tokenize", tokens.tokenize_v3, methods=["POST"])


def _add_probes(app: FastAPI, probes: Iterable[Probe]) -> None:
    for probe in probes:
        app.add_api_route(probe.path, probe.handler, methods=["GET", "HEAD"])


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
