"""The dashboard: its file, and every query of it against a real Prometheus that scraped a real scorer."""

from __future__ import annotations

import functools
import json
import math
import re
import time
from collections.abc import Iterator

import pytest

from bge_reranker.errors import error_codes
from bge_reranker.observe.gpu import gpu_families
from bge_reranker.observe.metrics import Metrics
from generate.monitoring.alerts import ALERTS
from generate.monitoring.panels import OPERATED, SECTIONS
from generate.monitoring.placeholders import OWN, WINDOW, filled
from generate.monitoring.recording import recording_rules
from reranker_operator.conditions import CONDITION_TYPES
from reranker_operator.metrics import Metrics as OperatorMetrics
from reranker_operator.metrics import Said
from reranker_operator.reasons import DUTIES
from reranker_operator.settings import Settings
from tests.chart.rendering import CHART, render

from .prometheus_server import program
from .watched import NAMESPACE, PODS, RELEASE, Watched, watched
from .watched import OWN as OWN_SERIES

PANELS = [panel for section in SECTIONS for panel in section.panels]
QUERIES = [(panel.title, query.expression) for panel in PANELS for query in panel.queries]
EVERY_EXPRESSION = [
    *(expression for _, expression in QUERIES),
    *(alert.expression for alert in ALERTS),
    *(str(rule["expr"]) for rule in recording_rules()),
]


def shown(expression: str) -> str:
    """The query as Grafana sends it."""
    operated = f'reranker_namespace="{NAMESPACE}",reranker="{RELEASE}"'
    return filled(expression, {OPERATED: operated, OWN: OWN_SERIES, WINDOW: "15s"})


@functools.cache
def known_series() -> set[str]:
    """Names that scorer and operator expose, and that the rules record."""
    said = [Said("", "", "Ready", "True", "")]
    registries = (Metrics().registry, OperatorMetrics(lambda: ["x"], lambda: said).registry)
    names = {sample.name for registry in registries for family in registry.collect() for sample in family.samples}
    names |= {family.name for family in gpu_families()}
    # A histogram without an observation has no bucket in some of them.
    families = {family.name for registry in registries for family in registry.collect() if family.type == "histogram"}
    names |= {f"{family}_{part}" for family in families for part in ("bucket", "sum", "count")}
    counters = {family.name for registry in registries for family in registry.collect() if family.type == "counter"}
    return names | {f"{name}_total" for name in counters} | {str(rule["record"]) for rule in recording_rules()}


@pytest.mark.parametrize("expression", EVERY_EXPRESSION)
def test_every_series_that_is_asked_for_is_one_that_there_is(expression: str) -> None:
    asked = set(re.findall(r"\b(?:bge_reranker|process|rerank)_\w+|\bbge_reranker:[\w:]+", expression))
    assert asked - known_series() == set()


def test_reasons_types_and_codes_that_are_asked_for_are_those_of_the_programs() -> None:
    asked = " ".join(EVERY_EXPRESSION)
    assert set(re.findall(r'reason="(\w+)"', asked)) <= DUTIES.keys()
    assert set(re.findall(r'type="(\w+)"', asked)) <= set(CONDITION_TYPES)
    assert set(re.findall(r'code="(\w+)"', asked)) <= set(error_codes())


def test_the_file_has_every_panel_once_and_in_a_grid_without_overlaps() -> None:
    found = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
    graphs = [panel for panel in found["panels"] if panel["type"] == "timeseries"]
    assert [panel["title"] for panel in graphs] == [panel.title for panel in PANELS]
    assert len({panel["id"] for panel in found["panels"]}) == len(found["panels"])
    cells: set[tuple[int, int]] = set()
    for panel in found["panels"]:
        place = panel["gridPos"]
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= own
    assert "__" not in re.sub(r"\$__(rate_interval|all)", "", json.dumps(found))


def test_the_configmap_has_the_file_as_it_is_and_the_sidecar_s_label() -> None:
    body = render({"dashboard": {"enabled": True}}).one("ConfigMap")
    assert body["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert body["data"]["bge-reranker.json"] == (CHART / "files" / "dashboard.json").read_text(encoding="utf-8")


def test_the_operator_is_scraped_on_the_port_that_has_its_metrics() -> None:
    values = {"scorer": {"enabled": False}, "operator": {"enabled": True, "podMonitor": {"enabled": True}}}
    rendered = render(values)
    (endpoint,) = rendered.one("PodMonitor")["spec"]["podMetricsEndpoints"]
    template = rendered.one("Deployment")["spec"]["template"]
    ports = {port["name"]: port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
    assert ports[endpoint["port"]] == Settings().health_port
    wanted = rendered.one("PodMonitor")["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= template["metadata"]["labels"].items()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A scorer that has had load, full queues and bad requests, as Prometheus saw it."""
    program("prometheus")
    with watched(tmp_path_factory.mktemp("watched"), max_queue_tokens=40_000) as running:
        running.load(8, clients=12, documents=64)
        running.rank(0)
        running.load(6, clients=2, documents=8)
        yield running


def numbers(watched_scorer: Watched, expression: str) -> list[float]:
    """What a panel would draw of the last 20 s."""
    found = watched_scorer.prometheus.query_range(shown(expression), time.time() - 20, time.time(), 1)
    values = [float(value) for series in found for _, value in series["values"]]
    return [value for value in values if math.isfinite(value)]


@pytest.mark.slow
def test_every_query_returns_series(busy: Watched) -> None:
    assert [title for title, expression in QUERIES if not numbers(busy, expression)] == []


@pytest.mark.slow
def test_both_label_forms_of_the_gpu_s_metrics_end_in_the_scorer_s_pods(busy: Watched) -> None:
    found = busy.prometheus.query("bge_reranker:gpu_engine_active:avg1m")
    assert {series["metric"]["pod"] for series in found} == set(PODS)
    assert all(0 < float(series["value"][1]) <= 1 for series in found)


@pytest.mark.slow
def test_rules_are_evaluated_and_no_alert_is_about_a_series_that_is_missing(busy: Watched) -> None:
    assert busy.prometheus.query("bge_reranker:saturation:ratio_rate5m")
    assert busy.prometheus.query(f"bge_reranker:requests_failed:ratio_rate5m{{{OWN_SERIES}}}")
    assert busy.prometheus.query('ALERTS{alertname="RerankerMetricsBroken"}') == []
