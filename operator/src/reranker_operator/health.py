"""Liveness by work done, readiness, metrics: what the kubelet and Prometheus ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from .metrics import Metrics


@asynccontextmanager
async def served(
    port: int, metrics: Metrics, sick: Callable[[], str], unready: Callable[[], str]
) -> AsyncIterator[int]:
    """Answer on that port meanwhile; gives the port, which the system chose if it was 0.

    Args:
        port: Where to listen.
        metrics: What `/metrics` prints.
        sick: Why only a restart would help; empty while all is well.
        unready: What the process waits for; empty when it works.
    """

    async def live(_: web.Request) -> web.Response:
        return _verdict(sick())

    async def ready(_: web.Request) -> web.Response:
        return _verdict(unready())

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes(
        [web.get("/health/live", live), web.get("/health/ready", ready), web.get("/metrics", scrape)]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, port=port)
    await site.start()
    try:
        # Without a port of its own choice, IPv4 and IPv6 listen on different ones.
        yield min((address for address in runner.addresses), key=len)[1]
    finally:
        await runner.cleanup()


def _verdict(problem: str) -> web.Response:
    return web.json_response(
        {"status": "unavailable" if problem else "ok", "reason": problem or None}, status=503 if problem else 200
    )
