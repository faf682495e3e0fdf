"""A reverse proxy in front of the API server that refuses, cuts, silences and counts, as a test asks it to."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PASSED_ON = ("Authorization", "Content-Type", "Accept", "Accept-Encoding")
_PASSED_BACK = ("Content-Type", "Content-Encoding", "Retry-After")


@dataclass
class Fault:
    """What happens to requests, so many times.

    Attributes:
        path: Expression that is searched in path and query.
        status: What is answered; None cuts the connection without an answer.
        body: What is answered in place of a Status of that message and reason.
        times: How often, counted down.
    """

    method: str
    path: str
    status: int | None
    message: str = "a fault that was asked for"
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    times: int = 1


@dataclass
class Death:
    """Kills the client at one of its writes.

    Attributes:
        writes_before: Writes that still pass.
        reaches_server: Whether the write reaches the API server; its answer reaches nobody.
        kill: Ends the client.
    """

    writes_before: int
    reaches_server: bool
    kill: Callable[[], None]


class FaultyProxy:
    """Passes everything on but what it was told.

    Args:
        upstream: Address of the API server.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._silenced: set[int] = set()
        self._streams: set[int] = set()
        self.faults: list[Fault] = []
        self.death: Death | None = None
        self.chance: Callable[[], Fault | None] = lambda: None
        self.url = ""

    def silence(self) -> None:
        """From now on nothing comes through the watches that are open, though they stay open."""
        self._silenced |= self._streams

    @property
    def silenced(self) -> int:
        """How many watches are held open in silence."""
        return len(self._silenced & self._streams)

    async def run(self, is_up: threading.Event, stop: asyncio.Event) -> None:
        """Serve until told to stop."""
        connector = aiohttp.TCPConnector(ssl=False, limit=0)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._session:
            runner = web.AppRunner(
                self._application(), access_log=None, shutdown_timeout=0.1, handler_cancellation=True
            )
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            is_up.set()
            await stop.wait()
            await runner.cleanup()
            await _end_what_still_runs()
        # Connections under TLS are let go of in the loop's next turns, as the library's manual says.
        await asyncio.sleep(0.25)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        death = self._due(request)
        if death is not None:
            if death.reaches_server:
                async with self._passed_on(request, body) as answer:
                    await answer.read()
            death.kill()
            return _cut(request)
        fault = self._fault(request)
        if fault is None:
            return await self._passed(request, body)
        if fault.status is None:
            return _cut(request)
        said = {"kind": "Status", "status": "Failure", "code": fault.status}
        said |= {"message": fault.message, "reason": fault.reason}
        return web.json_response(fault.body or said, status=fault.status, headers=fault.headers)

    def _due(self, request: web.Request) -> Death | None:
        if self.death is None or not is_write(request.method, request.path_qs):
            return None
        self.death.writes_before -= 1
        if self.death.writes_before >= 0:
            return None
        death, self.death = self.death, None
        return death

    def _fault(self, request: web.Request) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == request.method and re.search(fault.path, request.path_qs):
                fault.times -= 1
                return fault
        return self.chance() if "/leases" not in request.path else None

    def _passed_on(self, request: web.Request, body: bytes) -> aiohttp.client._RequestContextManager:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = URL(self._upstream + request.raw_path, encoded=True)
        limit = aiohttp.ClientTimeout(total=None, sock_connect=10)
        # Of its own accord the client would name a type for a body that is not there.
        without = ("Content-Type",)
        return self._session.request(
            request.method, url, headers=headers, data=body or None, timeout=limit, skip_auto_headers=without
        )

    async def _passed(self, request: web.Request, body: bytes) -> web.StreamResponse:
        mark, is_watch = id(request), "watch=true" in request.query_string
        try:
            async with self._passed_on(request, body) as answer:
                headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
                response = web.StreamResponse(status=answer.status, headers=headers)
                await response.prepare(request)
                if is_watch:
                    self._streams.add(mark)
                async for chunk in answer.content.iter_any():
                    if mark not in self._silenced:
                        await response.write(chunk)
                return response
        except (aiohttp.ClientError, ConnectionError):
            return _cut(request)
        finally:
            self._streams.discard(mark)
            self._silenced.discard(mark)


async def _end_what_still_runs() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def is_write(method: str, path: str) -> bool:
    """Whether it changes an object, Leases apart."""
    return method in WRITES and "dryRun=" not in path and "/leases" not in path


def _cut(request: web.Request) -> web.Response:
    """Drop the connection; what is given back goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


@contextmanager
def faulty_proxy(upstream: str) -> Iterator[FaultyProxy]:
    """One that runs in a thread of its own."""
    proxy, is_up, stop = FaultyProxy(upstream), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(proxy.run(is_up, stop),))
    thread.start()
    try:
        assert is_up.wait(30), "the proxy did not start"
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
