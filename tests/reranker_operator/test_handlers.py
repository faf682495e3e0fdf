from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import kopf
import pytest
from aiohttp import web

from reranker_operator.handlers import registry
from reranker_operator.kinds import GROUP, RERANKER
from reranker_operator.resource import Reranker

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: tests
clusters: [{{name: tests, cluster: {{server: "{url}"}}}}]
users: [{{name: tests, user: {{token: tests}}}}]
contexts: [{{name: tests, context: {{cluster: tests, user: tests}}}}]
"""
SILENCE_S = 0.15
COUNT = 40
"""Changes, each about when the watch would be held for dead."""


class RerankersAlone:
    """As much of an API server as kopf asks for: discovery, an empty list, and watches of what is added."""

    def __init__(self) -> None:
        self._changes: list[dict[str, Any]] = []
        self._added = asyncio.Condition()

    async def add(self, name: str) -> None:
        metadata = {"name": name, "namespace": "search", "uid": name, "resourceVersion": str(len(self._changes) + 1)}
        body = {"apiVersion": RERANKER.api_version, "kind": RERANKER.name, "metadata": metadata, "spec": {}}
        async with self._added:
            self._changes.append({"type": "ADDED", "object": body})
            self._added.notify_all()

    def application(self) -> web.Application:
        application = web.Application()
        place = f"/apis/{RERANKER.api_version}"
        group: dict[str, Any] = {"name": GROUP, "versions": [{"version": RERANKER.version}]}
        group["preferredVersion"] = {"version": RERANKER.version}
        for path, body in (
            ("/api", {"versions": ["v1"]}),
            ("/api/v1", {"resources": [_resource("Namespace", "namespaces")]}),
            ("/apis", {"groups": [group]}),
            (place, {"resources": [{**_resource(RERANKER.name, RERANKER.plural), "namespaced": True}]}),
        ):
            application.router.add_get(path, _always(body))
        application.router.add_get(f"{place}/namespaces/search/{RERANKER.plural}", self._listed_or_watched)
        return application

    async def _listed_or_watched(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"items": [], "metadata": {"resourceVersion": "0"}})
        response = web.StreamResponse()
        await response.prepare(request)
        sent = int(request.query["resourceVersion"])
        while True:
            async with self._added:
                while len(self._changes) <= sent:
                    await self._added.wait()
            for change in self._changes[sent:]:
                await response.write(json.dumps(change).encode() + b"\n")
            sent = len(self._changes)


def _resource(kind: str, plural: str) -> dict[str, Any]:
    return {"kind": kind, "name": plural, "singularName": "", "namespaced": False, "verbs": ["list", "watch"]}


def _always(body: dict[str, Any]) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body)

    return answer


async def stalls() -> None:
    """A machine that is too busy: the loop stands still time and again, for a part of a watch's silence."""
    while True:
        await asyncio.sleep(0)
        time.sleep(SILENCE_S / 15)  # noqa: ASYNC251 - that it blocks the loop is what it is for


def test_changes_are_seen_for_ever_on_a_machine_that_is_too_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()

    def on_event(each: Reranker, is_gone: bool) -> None:  # noqa: FBT001 - kopf's listener passes it so
        assert not is_gone
        seen.add(each.name)

    async def check() -> None:
        rerankers, stop = RerankersAlone(), asyncio.Event()
        runner = web.AppRunner(rerankers.application(), access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(KUBECONFIG.format(url=f"http://127.0.0.1:{runner.addresses[0][1]}"))
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        handlers = registry(on_event, inactivity_s=SILENCE_S)
        serving = asyncio.create_task(
            kopf.operator(registry=handlers, standalone=True, identity="tests", stop_flag=stop, namespaces=["search"])  # type: ignore[arg-type] # a NewType of str that it does not export
        )
        stalling = asyncio.create_task(stalls())
        try:
            for number in range(COUNT):
                await rerankers.add(f"r{number}")
                async with asyncio.timeout(20):
                    while len(seen) <= number:  # noqa: ASYNC110 - the pause also sets when the next one comes
                        await asyncio.sleep(SILENCE_S)
        finally:
            stalling.cancel()
            stop.set()
            await serving
            await runner.cleanup()

    asyncio.run(check())
