"""`python -m search_pod.steady_load URL RATE [LIMIT CONNECTIONS COPIES]`: requests at a steady rate until input ends.

Then it prints what became of them. A first request makes sure that all is warm; then the line `started` says that from
now on every request counts. Connections are kept alive and taken in turn, so that old ones are used to their last;
nothing is tried again.
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

BODY: dict[str, Any] = {
    "query": "animals",
    "candidates": ["a cat sat on the mat", "stock prices fell", "dogs bark at night"],
}
"""The first candidate or the third is the best, never the second; heavy requests have many copies of them."""

TIME_LIMIT_S = 30.0
"""A request that takes longer has failed. Long, for machines that do much else: one that is lost stays lost."""


async def ask(client: httpx.AsyncClient, url: str, copies: int, began: float) -> dict[str, Any]:
    """One request and what became of it."""
    asked = time.monotonic()
    body = {**BODY, "candidates": BODY["candidates"] * copies}
    outcome: dict[str, Any] = {"at_s": round(asked - began, 3), "failure": None}
    try:
        answer = await client.post(f"{url}/rerank", json=body)
        if answer.status_code != httpx.codes.OK:
            outcome["failure"] = f"{answer.status_code} {answer.text[:200]}"
        else:
            ranked = [(found["index"], found["score"]) for found in answer.json()["results"]]
            outcome["digest"] = answer.headers.get("X-Model-Digest", "")
            outcome["scores"] = [score for _, score in sorted(ranked)[: len(BODY["candidates"])]]
            if ranked[-1][0] % len(BODY["candidates"]) != 1:
                outcome["failure"] = f"wrong ranking: {answer.text[:200]}"
    except httpx.HTTPError as error:
        outcome["failure"] = f"{type(error).__name__}: {error}"
    except asyncio.CancelledError:
        outcome["failure"] = "unanswered when the load and its patience had ended"
    outcome["took_ms"] = round((time.monotonic() - asked) * 1000, 1)
    return outcome


async def load(
    url: str, rate: float, time_limit_s: float = TIME_LIMIT_S, connections: int = CONNECTIONS, copies: int = 1
) -> list[dict[str, Any]]:
    """Ask at the rate until standard input ends."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=600)
    clients = [httpx.AsyncClient(timeout=time_limit_s, limits=limits) for _ in range(connections)]
    await ask(clients[0], url, copies, time.monotonic())
    sys.stdout.write("started\n")
    sys.stdout.flush()
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    began = time.monotonic()
    asked: list[asyncio.Task[dict[str, Any]]] = []
    for count, client in enumerate(cycle(clients)):
        asked.append(asyncio.create_task(ask(client, url, copies, began)))
        await asyncio.sleep(max(0.0, began + (count + 1) / rate - time.monotonic()))
        if ended.done():
            break
    # Who waits for a connection and then for the answer could take twice as long.
    _, late = await asyncio.wait(asked, timeout=time_limit_s)
    for request in late:
        request.cancel()
    outcomes = await asyncio.gather(*asked)
    await asyncio.gather(*(client.aclose() for client in clients))
    return outcomes


def main() -> None:
    url, rate, *others = sys.argv[1:]
    kinds = (float, int, int)
    arguments = [kind(given) for kind, given in zip(kinds, others, strict=False)]
    json.dump(asyncio.run(load(url, float(rate), *arguments)), sys.stdout)


if __name__ == "__main__":
    main()
