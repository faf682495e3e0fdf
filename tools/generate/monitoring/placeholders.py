"""What stands in a query for what is known later: by the chart, by Grafana or by a test."""

from __future__ import annotations

from collections.abc import Mapping

OWN = "__OWN__"
"""Label matchers of the series of one release."""

WINDOW = "__WINDOW__"
"""Window of a rate, which Grafana fits to its resolution."""

NAMESPACE = "__NAMESPACE__"
RELEASE = "__RELEASE__"
"""Of the release, or of the Reranker."""

ERROR_BUDGET = "__ERROR_BUDGET__"
SLOW_BUDGET = "__SLOW_BUDGET__"
"""Shares of the requests that may fail, or be slow."""

SLOW_SECONDS = "__SLOW_SECONDS__"
"""Bound of a bucket of the latency; what is above is slow."""

BACKLOG_SECONDS = "__BACKLOG_SECONDS__"
"""Backlog that is too long if it grows further."""

RUNBOOK = "__RUNBOOK__"
"""Address of docs/runbook.md."""


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with values in the place of what stands for them."""
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
