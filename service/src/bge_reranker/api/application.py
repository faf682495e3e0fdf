"""The two ASGI applications: the API, and management without any rerank route."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from ..errors import MethodNotAllowed, RouteNotFound
from ..guard.api_keys import ApiKeys
from ..observe.metrics import Metrics
from ..serving.state import ServingState
from ..settings import HttpSettings, Settings
from .body import Bodies
from .discovery import DiscoveryEndpoints
from .dispatch import DIALECTS, HOSTED_NIM_ROUTE, ROUTES
from .documented_headers import EXPOSED_HEADERS
from .envelope import Envelope, bug
from .gateway import GatewayPrefixes
from .health import HealthEndpoints
from .methods import allowed_methods
from .page import add_page
from .paths import TolerantPaths
from .prefix import DialectPrefix
from .record import record_of
from .rerank import RerankEndpoint
from .responses import error_response, json_response, refused
from .routes import GetRoute, client_routes, management_routes
from .schema import keys_of
from .specification import full_specification, specification
from .token_routes import TOKEN_ROUTES
from .tokens import TokenEndpoints

_TITLE = "bge-reranker"

_READ_KEYS: Final = frozenset[str]().union(
    *(keys_of(dialect.body) for dialect in DIALECTS.values()), *(keys_of(route[1]) for route in TOKEN_ROUTES.values())
)
"""Keys of a body that any route reads."""


def create_api(state: ServingState, settings: Settings, keys: ApiKeys, metrics: Metrics, executor: Executor) -> ASGIApp:
    """The application of the API listener.

    Args:
        state: What is served.
        settings: The effective settings.
        keys: Keys of callers; none lets everybody in.
        metrics: Where requests are counted.
        executor: Where large bodies are parsed and large answers written.
    """
    needs_key = len(keys) > 0
    health = HealthEndpoints(state, settings, metrics, needs_key=needs_key)
    discovery = DiscoveryEndpoints(state, settings, needs_key=needs_key)
    routes = management_routes(health) + client_routes(health, discovery)
    root = GetRoute(
        "/", health.ready, "Ready to rank? To a browser: the page", (503,), ("application/json", "text/html")
    )
    app = _framework(full_specification(_TITLE, [*routes, root], settings.http, needs_key=needs_key))
    bodies = Bodies(settings.http, executor, _READ_KEYS)
    endpoint = RerankEndpoint(state, settings, keys, bodies, executor)
    for route in ROUTES:
        app.add_api_route(route, endpoint.at(route), methods=["POST"])
    app.add_api_route(HOSTED_NIM_ROUTE, endpoint.at("/v1/ranking"), methods=["POST"])
    _add_tokens(app, TokenEndpoints(state, settings, keys, bodies, executor))
    _add_routes(app, routes)
    _add_document(app)
    add_page(app, health.ready)
    prefixes = [prefix.strip() for prefix in (settings.http.path_prefixes or "").split(",") if prefix.strip()]
    tolerant = TolerantPaths(GatewayPrefixes(DialectPrefix(app), prefixes, app.routes))
    return _for_browsers(Envelope(tolerant, state, metrics, settings.http.max_connection_age_s), settings.http)


def create_management(state: ServingState, settings: Settings, keys: ApiKeys, metrics: Metrics) -> ASGIApp:
    """The application of the management listener.

    Args:
        state: What is served.
        settings: The effective settings.
        keys: Keys of callers; they are not asked for here, but `/info` says whether there are any.
        metrics: What `/metrics` prints.
    """
    routes = management_routes(HealthEndpoints(state, settings, metrics, needs_key=len(keys) > 0))
    app = _framework(specification(f"{_TITLE} management", routes, settings.http))
    _add_routes(app, routes)
    return Envelope(TolerantPaths(app), state, metrics, settings.http.max_connection_age_s)


def _for_browsers(app: ASGIApp, http: HttpSettings) -> ASGIApp:
    """Let pages of other origins call, where the settings name any; outermost, so that every answer can be read."""
    if http.allowed_origins is None:
        return app
    origins = [origin.strip() for origin in http.allowed_origins.split(",")]
    methods = ("GET", "HEAD", "POST")
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=methods, allow_headers=("*",), expose_headers=EXPOSED_HEADERS
    )


def _framework(document: dict[str, Any]) -> FastAPI:
    # The framework's own documentation pages load their scripts from elsewhere; the specification itself is served.
    app = FastAPI(title=document["info"]["title"], docs_url=None, redoc_url=None, redirect_slashes=False)
    # FastAPI writes its own specification again whenever a route was added after one was set.
    app.openapi = lambda: document  # type: ignore[method-assign] # the way that FastAPI's documentation gives
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(Exception, _unforeseen)
    return app


def _add_tokens(app: FastAPI, tokens: TokenEndpoints) -> None:
    app.add_api_route("/tokenize", tokens.tokenize, methods=["POST"])
    app.add_api_route("/decode", tokens.decode, methods=["POST"])
    app.add_api_route("/v3/tokenize", tokens.tokenize_v3, methods=["POST"])


def _add_document(app: FastAPI) -> None:
    """The specification once more, where TEI has its own; the framework serves it at /openapi.json."""

    async def document(_request: Request) -> Response:
        return json_response(orjson.dumps(app.openapi()))

    app.add_api_route("/api-doc/openapi.json", document, methods=["GET", "HEAD"])


def _add_routes(app: FastAPI, routes: Iterable[GetRoute]) -> None:
    for route in routes:
        app.add_api_route(route.path, route.handler, methods=["GET", "HEAD"])


async def _unforeseen(request: Request, _raised: Exception) -> Response:
    """A bug, in place of the framework's plain text; the framework raises it again, for the envelope to log."""
    record = record_of(request)
    record.held.close()
    return error_response(bug(record), record.style)


async def _framework_error(request: Request, raised: Exception) -> Response:
    """What the framework refuses by itself, as one of our errors."""
    assert isinstance(raised, HTTPException)  # noqa: S101 - registered for this class only; tells mypy so
    path = request.url.path[:200]
    if raised.status_code != MethodNotAllowed.status:
        return refused(request, RouteNotFound(f"There is no {path}.", remedy="GET /openapi.json lists the routes."))
    allowed = {"Allow": allowed_methods(request, (raised.headers or {}).get("Allow", ""))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allowed)
    error = MethodNotAllowed(f"{request.method} is not allowed on {path}.", remedy=f"Use: {allowed['Allow']}.")
    response = refused(request, error)
    response.headers.update(allowed)
    return response
