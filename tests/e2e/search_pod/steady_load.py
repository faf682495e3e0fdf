"""`python -m search_pod.steady_load URL RATE`: requests at a steady rate until standard input ends; then the outcome.

A first request makes sure that all is warm; then the line `started` says that from now on every request counts.
Connections are kept alive and taken in turn, so that old ones are used to their last; nothing is tried again.
"""

# httpx is in the pod's image, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import cycle
from typing import Any

import httpx

CONNECTIONS = 4
"""Clients with one connection each, unless the command line says otherwise."""

BODY = {"query": "animals", "candidates": ["a cat sat on the mat", "stock prices fell", "dogs bark at night"]}
"""The first candidate or the third is the best, never the second."""

TIME_LIMIT_S = 30.0
"""A request that takes longer has failed. Long, for machines that do much else: one that is lost stays lost."""


async def ask(client: httpx.AsyncClient, url: str, began: float) -> dict[str, Any]:
    """One request and what became of it."""
    asked = time.monotonic()
    outcome: dict[str, Any] = {"at_s": round(asked - began, 3), "failure": None}
    try:
        answer = await client.post(f"{url}/rerank", json=BODY)
        if answer.status_code != httpx.codes.OK:
            outcome["failure"] = f"{answer.status_code} {answer.text[:200]}"
        elif [found["index"] for found in answer.json()["results"]][-1] != 1:
            outcome["failure"] = f"wrong ranking: {answer.text[:200]}"
    except httpx.HTTPError as error:
        outcome["failure"] = f"{type(error).__name__}: {error}"
    outcome["took_ms"] = round((time.monotonic() - asked) * 1000, 1)
    return outcome


async def load(url: str, rate: float, time_limit_s: float, connections: int) -> list[dict[str, Any]]:
    """Ask at the rate until standard input ends."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=600)
    clients = [httpx.AsyncClient(timeout=time_limit_s, limits=limits) for _ in range(connections)]
    await ask(clients[0], url, time.monotonic())
    sys.stdout.write("started\n")
    sys.stdout.flush()
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    began = time.monotonic()
    asked: list[asyncio.Task[dict[str, Any]]] = []
    for count, client in enumerate(cycle(clients)):
        asked.append(asyncio.create_task(ask(client, url, began)))
        await asyncio.sleep(max(0.0, began + (count + 1) / rate - time.monotonic()))
        if ended.done():
            break
    outcomes = await asyncio.gather(*asked)
    await asyncio.gather(*(client.aclose() for client in clients))
    return outcomes


def main() -> None:
    time_limit_s = float(sys.argv[3]) if len(sys.argv) > 3 else TIME_LIMIT_S
    connections = int(sys.argv[4]) if len(sys.argv) > 4 else CONNECTIONS
    json.dump(asyncio.run(load(sys.argv[1], float(sys.argv[2]), time_limit_s, connections)), sys.stdout)


if __name__ == "__main__":
    main()
