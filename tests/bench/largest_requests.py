"""The largest requests that the default limits allow: none may hold up the event loop for others."""

from __future__ import annotations

from typing import Any

import httpx
from rich.console import Console

from .processes import bench_server

_DOCUMENTS = 10_000
_CHARACTERS = 1_000_000
_DEADLINE_S = 600.0

BODIES: dict[str, dict[str, Any]] = {
    "10,000 documents": {"query": "q", "candidates": [f"document {number}" for number in range(_DOCUMENTS)]},
    "10,000 queries": {
        "requests": [{"query": f"query {number}", "candidates": ["d"]} for number in range(_DOCUMENTS)],
    },
    "5 documents of a million characters": {"query": "q", "candidates": ["竹" * _CHARACTERS] * 5},
}


def measure_largest_requests(console: Console) -> dict[str, Any]:
    """Send each to the embedded model, one at a time.

    Args:
        console: Where the result is shown.
    """
    with bench_server("demo", deadline_s=_DEADLINE_S) as server:
        for name, body in BODIES.items():
            console.print(f"{name} ...")
            httpx.post(server.url + "/rerank", json=body, timeout=_DEADLINE_S).raise_for_status()
    console.print(
        f"Largest requests: longest callback {server.report['longest_callback_cpu_ms']:.1f} ms of its own CPU time, "
        f"lag p99.9 {server.report['lag_p999_ms']:.2f} ms"
    )
    return server.report
