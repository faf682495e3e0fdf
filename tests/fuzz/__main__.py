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
from .specification import PATIENCE_S, operations

_MUTATED_SHARE = 4
"""One case in so many is a request that was made by hand and broken by chance; the others come from the document."""

_GUARDED_SHARE = 5
"""One case in so many goes to a server that wants a key."""

_KEY = "a-key-of-the-fuzz"
_KEYS: tuple[dict[str, str], ...] = (
    {"Authorization": f"Bearer {_KEY}"},
    {"Api-Key": _KEY},
    {"Authorization": "Basic ?"},
    {"X-Api-Key": "é"},
    {},
)
"""Right, wrong and missing ones."""


@click.command()
@click.option("--cases", default=20_000, show_default=True, help="Requests to send.")
@click.option("--seed", default=0, show_default=True, help="Seed; the same seed sends the same requests.")
def fuzz(cases: int, seed: int) -> None:
    """Throw malformed and well-formed requests at a live server."""
    guarded = cases // _GUARDED_SHARE
    is_well = _fuzz_one(cases - guarded, seed, None) and _fuzz_one(guarded, seed, _KEY)
    sys.exit(0 if is_well else 1)


def _fuzz_one(cases: int, seed: int, key: str | None) -> bool:
    """Fuzz one server; whether it is well afterwards."""
    mutated = cases // _MUTATED_SHARE
    flags = {"max_documents": 6, "api_keys": key}
    with tempfile.TemporaryDirectory() as folder, live_server(Path(folder), flags) as server:
        statuses = _send_mutated(server, mutated, seed, key)
        _send_documented(server, cases - mutated, seed, key)
        is_well = server.is_well(key)
    click.echo("A server that wants a key:" if key else "A server that is open to everybody:")
    click.echo(f"{mutated} broken requests, statuses: {dict(sorted(statuses.items()))}.")
    click.echo(f"{cases - mutated} requests from the OpenAPI document, each answered as it says.")
    click.echo(f"It is {'well' if is_well else 'ill'}.")
    return is_well


def _send_mutated(server: LiveServer, cases: int, seed: int, key: str | None) -> Counter[int]:
    statuses: Counter[int] = Counter()
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        for number in track(range(cases), description="broken"):
            request = random_request(random.Random(f"{seed}-{number}"))
            named = request.headers | (_KEYS[number % len(_KEYS)] if key else {})
            headers = {name.encode(): value.encode() for name, value in named.items()}
            answer = client.request(request.method, request.path, headers=headers, content=request.content)
            statuses[answer.status_code] += 1
            wrong = complaint(answer)
            if wrong is not None:
                click.echo(
                    f"case {number} of seed {seed}: {wrong}\n{request}\n{answer.status_code} {answer.text[:500]}"
                )
                sys.exit(1)
    return statuses


def _send_documented(server: LiveServer, cases: int, seed: int, key: str | None) -> None:
    documented = list(operations(server.url, key))
    weights = [1 if operation.label.startswith("GET") else 10 for operation in documented]
    for operation, weight in track(list(zip(documented, weights, strict=True)), description="documented"):
        operation.check(-(-cases * weight // sum(weights)), seed)


if __name__ == "__main__":
    fuzz()
