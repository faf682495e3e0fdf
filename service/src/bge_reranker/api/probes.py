"""Every route that answers GET: ours, and those that clients of other servers ask before they rank.

What belongs here: the table of paths. What must not: answers (`health`, `discovery`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from .discovery import DiscoveryEndpoints
from .health import HealthEndpoints


@dataclass(frozen=True, slots=True)
class Probe:
    """One route."""

    path: str
    handler: Callable[[Request], Awaitable[Response]]
    summary: str

    refusals: tuple[int, ...] = ()
    """Statuses besides 200."""

    kinds: tuple[str, ...] = ("application/json",)
    """Media types of its answer."""

    tag: str = "Health and metrics"
    """Group under which the reference shows it."""

    @property
    def shown_path(self) -> str:
        """The path as OpenAPI writes it."""
        return self.path.replace(":path", "")


def own_probes(health: HealthEndpoints) -> list[Probe]:
    """The probes of both listeners."""
    return [
        Probe("/health", health.ready, "Ready to rank?", (503,)),
        Probe("/health/ready", health.ready, "Ready to rank?", (503,)),
        Probe("/health/live", health.live, "Alive, or in need of a restart?", (503,)),
        Probe("/ping", health.ready, "Ready to rank?", (503,)),
        Probe("/info", health.info, "What is served, by what, within which limits"),
        Probe("/metrics", health.metrics, "Metrics in Prometheus' text format", kinds=("text/plain",)),
    ]


def client_probes(health: HealthEndpoints, discovery: DiscoveryEndpoints) -> list[Probe]:
    """What clients of other servers ask; on the API's listener only."""
    probes = [
        Probe("/v1/metrics", health.metrics, "Metrics (NIM)", kinds=("text/plain",)),
        Probe("/v1/models", discovery.models, "Served models (OpenAI)", (503,)),
        Probe("/models", discovery.models, "Served models (infinity)", (503,)),
        Probe("/v1/models/{name:path}", discovery.model, "One model (OpenAI, xinference)", (404, 503)),
        Probe("/v1/cluster/auth", discovery.cluster_auth, "Is a key needed? (xinference)"),
        Probe("/meta", discovery.meta, "About the model (Weaviate)"),
        Probe("/.well-known/ready", health.ready, "Ready to rank? (Weaviate)", (503,)),
        Probe("/.well-known/live", health.live, "Alive? (Weaviate)", (503,)),
        Probe("/v1/health/ready", discovery.nim_ready, "Ready to rank? (NIM)", (503,)),
        Probe("/v1/health/live", discovery.nim_live, "Alive? (NIM)", (503,)),
        Probe("/v2/health/ready", health.ready, "Ready to rank? (KServe)", (503,)),
        Probe("/v2/health/live", health.live, "Alive? (KServe)", (503,)),
        Probe("/v2/models/{name:path}/ready", discovery.kserve_ready, "Ready to rank? (KServe)", (404, 503)),
    ]
    return [replace(probe, tag="What clients ask first") for probe in probes]
