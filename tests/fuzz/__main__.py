"""`python -m tests.fuzz --cases N --seed S`: random and documented requests, stopping at the first wrong answer."""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
import httpx
from rich.progress import track

from tests.live.server import LiveServer, live_server

from .check import complaint
from .requests import random_request
from .specification import operations

_MUTATED_SHARE = 4
"""One case in so many is a request that was made by hand and broken by chance; the others come from the document."""


@click.command()
@click.option("--cases", default=20_000, show_default=True, help="Requests to send.")
@click.option("--seed", default=0, show_default=True, help="Seed; the same seed sends the same requests.")
def fuzz(cases: int, seed: int) -> None:
    """Throw malformed and well-formed requests at a live server."""
    mutated = cases // _MUTATED_SHARE
    with tempfile.TemporaryDirectory() as folder, live_server(Path(folder), {"max_documents": 6}) as server:
        statuses = _send_mutated(server, mutated, seed)
        _send_documented(server, cases - mutated, seed)
        well = server.is_well()
    click.echo(f"{mutated} broken requests, statuses: {dict(sorted(statuses.items()))}.")
    click.echo(f"{cases - mutated} requests from the OpenAPI document, each answered as it says.")
    click.echo(f"The server is {'well' if well else 'ill'}.")
    sys.exit(0 if well else 1)


def _send_mutated(server: LiveServer, cases: int, seed: int) -> Counter[int]:
    statuses: Counter[int] = Counter()
    with httpx.Client(base_url=server.url, timeout=20) as client:
        for number in track(range(cases), description="broken"):
            request = random_request(random.Random(f"{seed}-{number}"))
            answer = client.request(request.method, request.path, headers=request.headers, content=request.content)
            statuses[answer.status_code] += 1
            wrong = complaint(answer)
            if wrong is not None:
                click.echo(
                    f"case {number} of seed {seed}: {wrong}\n{request}\n{answer.status_code} {answer.text[:500]}"
                )
                sys.exit(1)
    return statuses


def _send_documented(server: LiveServer, cases: int, seed: int) -> None:
    documented = list(operations(server.url))
    weights = [1 if operation.label.startswith("GET") else 10 for operation in documented]
    for operation, weight in track(list(zip(documented, weights, strict=True)), description="documented"):
        operation.check(-(-cases * weight // sum(weights)), seed)


if __name__ == "__main__":
    fuzz()
