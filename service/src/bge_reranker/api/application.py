"""The two ASGI applications: the API, and management without any rerank route."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from functools import cache
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import MethodNotAllowed, RouteNotFound
from ..guard.guard import Guard
from ..guard.score_cache.cache import ScoreCache
from ..observe.metrics import Metrics
from ..observe.tracing import NoTracing, Tracing
from ..serving.state import ServingState
from ..settings import HttpSettings, Settings
from ..shadow.shadowing import Shadowing
from .addresses import Addresses, tolerant
from .admission import only_for
from .body import Bodies
from .discovery import DiscoveryEndpoints
from .dispatch import DIALECTS, KEY_RULES, ROUTES
from .documented_headers import EXPOSED_HEADERS
from .envelope import Envelope, bug
from .exchange import record_of
from .fields import Listed, NestedList
from .health import HealthEndpoints
from .methods import allowed_methods
from .page import add_files, page_route
from .parsing import Keys
from .rerank import RerankEndpoint
from .responses import error_response, json_response, refused
from .routes import GetRoute, Handler, client_routes, management_routes
from .specification import (
    RANKING_TAGS,
    components,
    get_operation,
    info_of,
    prefixed_operations,
    ranking_operation,
    token_operation,
)
from .token_routes import TOKEN_ROUTES
from .tokens import TokenEndpoints

_TITLE = "bge-reranker"

_BODIES: Final = (*(dialect.body for dialect in DIALECTS.values()), *(route.body for route in TOKEN_ROUTES.values()))

_TELLING_KEYS: Final = frozenset[str]().union(*(rule.any_of | rule.none_of for rule, _ in KEY_RULES))
"""Keys that tell dialects apart, be they read or not."""

_KEYS: Final = Keys(
    read=_TELLING_KEYS.union(*(body.keys() for body in _BODIES)),
    counted=frozenset[str]().union(*(body.keys(Listed) for body in _BODIES)),
    nested=frozenset[str]().union(*(body.keys(NestedList) for body in _BODIES)),
)


def create_api(
    state: ServingState,
    settings: Settings,
    guard: Guard,
    metrics: Metrics,
    tracing: Tracing,
    executor: Executor,
    scores: ScoreCache | None = None,
    shadowing: Shadowing | None = None,
) -> ASGIApp:
    """The application of the API listener.

    Args:
        state: What is served.
        settings: The effective settings.
        guard: Who may call, and how much.
        metrics: Where requests are counted.
        tracing: Where they are traced.
        executor: Where large bodies are parsed and large answers written.
        scores: What is known of scores, if any are kept.
        shadowing: Samples answered requests, if there may be a shadow.
    """
    needs_key = guard.authenticator.is_required
    health = HealthEndpoints(state, settings, metrics, guard.authenticator)
    discovery = DiscoveryEndpoints(state, settings, needs_key=needs_key)
    routes = [_guarded(route, guard) for route in management_routes(health) + client_routes(health, discovery)]
    app = _framework(_TITLE, [*(route.tag for route in routes), *RANKING_TAGS], settings.http)
    bodies = Bodies(settings.http, executor, _KEYS, settings.guard.max_caller_bodies_bytes)
    endpoint = RerankEndpoint(state, settings, guard, bodies, executor, scores, shadowing)
    rankers = {path: endpoint.at(path) for path in ROUTES}
    for path, handler in rankers.items():
        extra = ranking_operation(path, needs_key=needs_key)
        app.add_api_route(path, handler, methods=["POST"], openapi_extra=extra)
    for path, handler in TokenEndpoints(state, settings, guard, bodies, executor).handlers().items():
        extra = token_operation(path, needs_key=needs_key)
        app.add_api_route(path, handler, methods=["POST"], openapi_extra=extra)
    _add_routes(app, [*routes, page_route(health.ready)], needs_key=needs_key)
    add_files(app)
    _add_document(app, needs_key=needs_key, others=prefixed_operations(needs_key=needs_key))
    prefixes = [prefix.strip() for prefix in (settings.http.path_prefixes or "").split(",") if prefix.strip()]
    resolve = Addresses(prefixes, app.routes).resolve
    direct = _directly(rankers, app)
    return _for_browsers(Envelope(direct, resolve, state, settings, metrics, tracing), settings.http)


def create_management(
    state: ServingState, settings: Settings, guard: Guard, metrics: Metrics, shadowing: Shadowing | None = None
) -> ASGIApp:
    """The application of the management listener.

    Args:
        state: What is served.
        settings: The effective settings.
        guard: Nobody is asked here who they are, but `/info` says whether they are elsewhere.
        metrics: What `/metrics` prints.
        shadowing: Whose comparison `/info` has, if there may be a shadow.
    """
    health = HealthEndpoints(state, settings, metrics, guard.authenticator, shows_gate=True, shadowing=shadowing)
    routes = management_routes(health)
    app = _framework(f"{_TITLE} management", [route.tag for route in routes], settings.http)
    _add_routes(app, routes, needs_key=False)
    _add_document(app, needs_key=False, others={})
    return Envelope(app, tolerant, state, settings, metrics, NoTracing())


def _directly(rankers: Mapping[str, Handler], app: ASGIApp) -> ASGIApp:
    """Hand what ranks to its handler at once, anything else to the application.

    The framework's layers around a route add nothing to these, and take a fifth of a small request's time.
    """

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        ranks = scope["type"] == "http" and scope["method"] == "POST"
        handler = rankers.get(scope["path"]) if ranks else None
        if handler is None:
            await app(scope, receive, send)
            return
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    return dispatch


def _for_browsers(app: ASGIApp, http: HttpSettings) -> ASGIApp:
    """Let pages of other origins call, where the settings name any; outermost, so that every answer can be read."""
    if http.allowed_origins is None:
        return app
    origins = [origin.strip() for origin in http.allowed_origins.split(",")]
    methods = ("GET", "HEAD", "POST")
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=methods, allow_headers=("*",), expose_headers=EXPOSED_HEADERS
    )


def _framework(title: str, tags: Iterable[str], http: HttpSettings) -> FastAPI:
    # The framework's own documentation pages load their scripts from elsewhere; `page` has ours.
    info = info_of(title, tags, http)
    app = FastAPI(**info, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(Exception, _unforeseen)
    return app


def _guarded(route: GetRoute, guard: Guard) -> GetRoute:
    """A route behind the scope that it needs; where nobody says who they are, that is all that they may."""
    return route if route.scope is None else replace(route, handler=only_for(guard, route.scope, route.handler))


def _add_routes(app: FastAPI, routes: Iterable[GetRoute], *, needs_key: bool) -> None:
    for route in routes:
        extra = get_operation(route, needs_key=needs_key)
        # A response class without a media type: the operation names those of its own.
        app.add_api_route(route.path, route.handler, methods=["GET"], openapi_extra=extra, response_class=Response)
        app.add_api_route(route.path, route.handler, methods=["HEAD"], include_in_schema=False)


def _add_document(app: FastAPI, *, needs_key: bool, others: Mapping[str, Any]) -> None:
    """Serve the OpenAPI document, where everybody looks for it and where TEI has its own.

    Args:
        app: All of whose routes are in the document.
        needs_key: Whether whatever ranks wants a key.
        others: Addresses that are no routes of their own.
    """

    @cache
    def assembled() -> bytes:
        document = app.openapi()
        document["components"] = components(needs_key=needs_key)
        document["paths"] |= others
        return orjson.dumps(document)

    # No coroutine, so that the framework runs it in a thread: assembling takes long enough for others to notice.
    def document(_request: Request) -> Response:
        return json_response(assembled())

    for path in ("/openapi.json", "/api-doc/openapi.json"):
        app.add_api_route(path, document, methods=["GET", "HEAD"], include_in_schema=False)


async def _unforeseen(request: Request, _raised: Exception) -> Response:
    """A bug, in place of the framework's plain text; the framework raises it again, for the envelope to log."""
    record = record_of(request)
    record.held.close()
    return error_response(bug(record), record.stage.style)


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
