"""The rules of a release: a file that the chart fills in, and the same filled in here for tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import placeholders
from .alerts import ALERTS
from .placeholders import filled
from .recording import recording_rules


@dataclass(frozen=True)
class Objectives:
    """What the chart's values decide, with the chart's defaults."""

    error_budget: str = "0.001"
    slow_budget: str = "0.01"
    slow_seconds: str = "0.5"
    backlog_seconds: str = "1"
    runbook: str = "docs/runbook.md"


def rules_file() -> str:
    """The chart's files/prometheus-rules.json."""
    return json.dumps({"groups": _groups()}, indent=2) + "\n"


def rules_of(namespace: str, release: str, objectives: Objectives | None = None) -> dict[str, Any]:
    """What the chart renders for a release whose objects have its name."""
    chosen = objectives or Objectives()
    text = filled(
        rules_file(),
        {
            placeholders.OWN: f"namespace='{namespace}',reranker='{release}'",
            placeholders.NAMESPACE: namespace,
            placeholders.RELEASE: release,
            placeholders.ERROR_BUDGET: chosen.error_budget,
            placeholders.SLOW_BUDGET: chosen.slow_budget,
            placeholders.SLOW_SECONDS: chosen.slow_seconds,
            placeholders.BACKLOG_SECONDS: chosen.backlog_seconds,
            placeholders.RUNBOOK: chosen.runbook,
        },
    )
    found: dict[str, Any] = json.loads(text)
    return found


def _groups() -> list[dict[str, Any]]:
    return [
        {"name": "bge-reranker.recording", "rules": recording_rules()},
        {"name": "bge-reranker.alerts", "rules": [alert.as_rule() for alert in ALERTS]},
    ]
