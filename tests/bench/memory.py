"""Memory of a server over many pairs of all short lengths: it should be flat once the first ones are through."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.progress import Progress

from bge_reranker.demo import demo_model_directory

from .documents import Texts
from .processes import BenchServer, bench_server

_PAIRS_PER_REQUEST = 250
_SHORTEST, _LONGEST = 2, 60
"""Lengths of documents in tokens: every request brings new shapes and new sums."""

_SAMPLES = 20

_DEADLINE_S = 600.0
"""A machine with other work may keep one request for minutes; what is measured is memory."""


def measure_memory(pairs: int, console: Console) -> dict[str, Any]:
    """Score pairs with the embedded model and take the server's resident memory on the way.

    Args:
        pairs: How many.
        console: Where progress and the result are shown.
    """
    with bench_server("demo", deadline_s=_DEADLINE_S) as server:
        samples = asyncio.run(_load(server, pairs, console))
    counts, resident = (np.array(column) for column in zip(*samples, strict=True))
    # The first fifth fills caches and pools; a leak would go on after it.
    late = counts >= pairs / 5
    slope = float(np.polyfit(counts[late], resident[late], 1)[0]) * 100_000
    console.print(
        f"Memory over {pairs} pairs of the embedded model: {resident[0]:.0f} MiB at first, "
        f"{resident[late][0]:.0f} after a fifth, {resident[-1]:.0f} at the end; "
        f"{slope:+.1f} MiB per 100,000 pairs after the first fifth"
    )
    return {
        "samples": [{"pairs": int(count), "resident_mib": float(mib)} for count, mib in samples],
        "mib_per_100000_pairs": slope,
    }


async def _load(server: BenchServer, pairs: int, console: Console) -> list[tuple[int, float]]:
    texts, lengths = Texts(Path(demo_model_directory()), seed=2), random.Random(2)
    samples = [(0, server.resident_mib())]
    done, every = 0, max(_PAIRS_PER_REQUEST, pairs // _SAMPLES)
    async with httpx.AsyncClient(base_url=server.url, timeout=600) as http:
        with Progress(console=console) as progress:
            task = progress.add_task("pairs", total=pairs)
            while done < pairs:
                words = [lengths.randint(_SHORTEST, _LONGEST) for _ in range(_PAIRS_PER_REQUEST)]
                body = {"query": texts.text(8), "candidates": [texts.text(count) for count in words]}
                answer = await http.post("/rerank", json=body)
                answer.raise_for_status()
                done += _PAIRS_PER_REQUEST
                progress.update(task, completed=done)
                if done % every == 0:
                    samples.append((done, server.resident_mib()))
    return samples
