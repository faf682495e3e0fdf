"""Where the time of an answer went, as headers: the names of text-embeddings-inference, and the web's own."""

from __future__ import annotations

from ..ranking.ranking import Ranking
from ..ranking.request import RankRequest


def timing_headers(request: RankRequest, ranking: Ranking, total_s: float, device: str) -> dict[str, str]:
    """Headers with token counts and times.

    The `x-` headers hold whole milliseconds, as their readers expect; `Server-Timing` holds fractions, which a small
    model on a fast machine needs, and browsers draw it in their network view.

    Source: router/src/http/server.rs of text-embeddings-inference 1.9.3.

    Args:
        request: What was ranked.
        ranking: Its outcome.
        total_s: Seconds from the first byte of the request to now.
        device: Device of the scorer, `cpu` or `cuda:N`.
    """
    timing = ranking.timing
    phases = {"tokenise": timing.tokenise_s, "queue": timing.queue_s, "compute": timing.compute_s, "total": total_s}
    return {
        "x-compute-type": "cpu" if device == "cpu" else "gpu",
        "x-compute-time": _milliseconds(total_s),
        "x-compute-characters": str(request.characters),
        "x-compute-tokens": str(ranking.total_tokens),
        "x-total-time": _milliseconds(total_s),
        "x-tokenization-time": _milliseconds(timing.tokenise_s),
        "x-queue-time": _milliseconds(timing.queue_s),
        "x-inference-time": _milliseconds(timing.compute_s),
        "Server-Timing": ", ".join(f"{phase};dur={seconds * 1000:.3f}" for phase, seconds in phases.items()),
    }


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
