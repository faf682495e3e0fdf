"""Every route that answers GET: our own, and those that clients of other servers ask before they rank."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ..guard.caller import Scope
from .discovery import DiscoveryEndpoints
from .health import HealthEndpoints

_METRICS: Final = ("text/plain", "application/openmetrics-text")
"""Media types of metrics; which of them is the scraper's choice."""

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class GetRoute:
    """One route."""

    path: str
    handler: Handler
    summary: str

    refusals: tuple[int, ...] = ()
    """Statuses besides 200."""

    kinds: tuple[str, ...] = ("application/json",)
    """Media types of its answer."""

    scope: Scope | None = None
    """What a caller needs for it on the API's listener, where callers must say who they are; None: nothing."""

    tag: str = "Health and metrics"
    """Group under which the reference shows it."""


def management_routes(health: HealthEndpoints) -> list[GetRoute]:
    """The routes of the management listener, which the API's has too."""
    return [
        GetRoute("/health", health.ready, "Ready to rank?", (503,)),
        GetRoute("/health/ready", health.ready, "Ready to rank?", (503,)),
        GetRoute("/health/live", health.live, "Alive, or in need of a restart?", (503,)),
        GetRoute("/ping", health.ready, "Ready to rank?", (503,)),
        GetRoute("/info", health.info, "What is served, by what, within which limits"),
        GetRoute(
            "/metrics",
            health.metrics,
            "Metrics in Prometheus' text format, or in OpenMetrics",
            kinds=_METRICS,
            scope="metrics",
        ),
    ]


def client_routes(health: HealthEndpoints, discovery: DiscoveryEndpoints) -> list[GetRoute]:
    """What clients of other servers ask; on the API's listener only."""
    routes = [
        GetRoute("/v1/metrics", health.metrics, "Metrics (NIM)", kinds=_METRICS, scope="metrics"),
        GetRoute(
            "/guard",
            health.guard,
            "Which keys and tokens are taken, for who has the scope admin",
            (403,),
            scope="admin",
        ),
        GetRoute("/v1/models", discovery.models, "Served models (OpenAI)", (503,)),
        GetRoute("/models", discovery.models, "Served models (infinity)", (503,)),
        GetRoute("/v1/models/{name:path}", discovery.model, "One model (OpenAI, xinference)", (404, 503)),
        GetRoute("/v1/cluster/auth", discovery.cluster_auth, "Is a key needed? (xinference)"),
        GetRoute("/dialects", discovery.dialects, "A request in each dialect, for others' texts to be put in"),
        GetRoute("/meta", discovery.meta, "About the model (Weaviate)"),
        GetRoute("/.well-known/ready", health.ready, "Ready to rank? (Weaviate)", (503,)),
        GetRoute("/.well-known/live", health.live, "Alive? (Weaviate)", (503,)),
        GetRoute("/v1/health/ready", discovery.nim_ready, "Ready to rank? (NIM)", (503,)),
        GetRoute("/v1/health/live", discovery.nim_live, "Alive? (NIM)", (503,)),
        GetRoute("/v2/health/ready", health.ready, "Ready to rank? (KServe)", (503,)),
        GetRoute("/v2/health/live", health.live, "Alive? (KServe)", (503,)),
        GetRoute("/v2/models/{name:path}/ready", discovery.kserve_ready, "Ready to rank? (KServe)", (404, 503)),
    ]
    return [replace(route, tag="What clients ask first") for route in routes]
