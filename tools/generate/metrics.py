"""The tables of docs/metrics.md, from what the scorer itself registers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import Metric

from bge_reranker.observe.gpu import gpu_families
from bge_reranker.observe.gpu_allocator import allocator_families
from bge_reranker.observe.metrics import SECONDS, Metrics
from bge_reranker.observe.tei_names import with_tei_names

from .marked_section import replace_section

_OF_LIBRARY = ("process_", "python_")
"""Metrics that the client library describes."""


def metrics_page(page: Path) -> str:
    """The page with its tables as they should be."""
    text = page.read_text(encoding="utf-8")
    text = replace_section(text, "metrics", _table(Metrics().registry.collect()))
    text = replace_section(
        text, "buckets", f"Bounds of buckets in seconds: {', '.join(f'{each:g}' for each in SECONDS)}."
    )
    text = replace_section(text, "gpu metrics", _table((*gpu_families(), *allocator_families())))
    return replace_section(text, "tei metrics", _table(with_tei_names().collect()))


def _table(families: Iterable[Metric]) -> str:
    rows = [_row(family) for family in families if not family.name.startswith(_OF_LIBRARY)]
    return "\n".join(["| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *sorted(rows)])


def _row(family: Metric) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = [*getattr(family, "_labelnames", ()), *(label for sample in family.samples for label in sample.labels)]
    shown = ", ".join(f"`{label}`" for label in dict.fromkeys(labels) if label != "le")
    return f"| `{name}` | {family.type} | {shown} | {family.documentation} |"
