"""`python -m tests.fuzz --cases N --seed S`: send random requests, stop at the first wrong answer."""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
import httpx
from rich.progress import track

from tests.live.server import live_server

from .check import complaint
from .requests import random_request


@click.command()
@click.option("--cases", default=20_000, show_default=True, help="Requests to send.")
@click.option("--seed", default=0, show_default=True, help="Seed; the same seed sends the same requests.")
def fuzz(cases: int, seed: int) -> None:
    """Throw malformed requests at a live server."""
    statuses: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as folder, live_server(Path(folder), {"max_documents": 6}) as server:
        with httpx.Client(base_url=server.url, timeout=20) as client:
            for number in track(range(cases), description="requests"):
                request = random_request(random.Random(f"{seed}-{number}"))
                answer = client.request(request.method, request.path, headers=request.headers, content=request.content)
                statuses[answer.status_code] += 1
                wrong = complaint(answer)
                if wrong is not None:
                    click.echo(
                        f"case {number} of seed {seed}: {wrong}\n{request}\n{answer.status_code} {answer.text[:500]}"
                    )
                    sys.exit(1)
        well = server.is_well()
    click.echo(
        f"{cases} requests, statuses: {dict(sorted(statuses.items()))}; the server is {'well' if well else 'ill'}."
    )
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    fuzz()
