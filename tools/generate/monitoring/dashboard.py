"""The dashboard as Grafana imports it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .panels import SECTIONS, Panel
from .placeholders import OWN, WINDOW, filled

TITLE = "BGE reranker"
UID = "bge-reranker"
"""Constant, so that a new version replaces the old one."""

WIDTH, HEIGHT, COLUMNS = 12, 8, 24
"""Of a panel, in Grafana's grid of 24 columns."""

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_SHOWN = {OWN: 'namespace=~"$namespace",reranker=~"$reranker"', WINDOW: "$__rate_interval"}


def dashboard() -> str:
    """The whole file."""
    whole = {
        "uid": UID,
        "title": TITLE,
        "tags": ["bge-reranker"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": list(_variables())},
        "annotations": {"list": []},
        "panels": list(_panels()),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    yield _labels_of("namespace", "label_values(bge_reranker_ready, namespace)")
    yield _labels_of("reranker", 'label_values(bge_reranker_ready{namespace=~"$namespace"}, reranker)')


def _labels_of(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "sort": 1,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _panels() -> Iterator[dict[str, Any]]:
    identity, top = 1, 0
    for section in SECTIONS:
        yield {
            "id": identity,
            "type": "row",
            "title": section.title,
            "collapsed": False,
            "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": top},
            "panels": [],
        }
        identity, top = identity + 1, top + 1
        for number, panel in enumerate(section.panels):
            place = {"h": HEIGHT, "w": WIDTH, "x": number % 2 * WIDTH, "y": top + number // 2 * HEIGHT}
            yield _panel(identity, panel, place)
            identity += 1
        top += (len(section.panels) + 1) // 2 * HEIGHT


def _panel(identity: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": identity,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": None if "onditions" in panel.title else 0},
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": filled(query.expression, _SHOWN),
                "legendFormat": query.legend,
            }
            for number, query in enumerate(panel.queries)
        ],
    }
