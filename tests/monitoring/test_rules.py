"""Recording rules and alerts, by promtool."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from generate.monitoring.adapter import adapter_values
from generate.monitoring.alerts import ALERTS
from generate.monitoring.rules import Objectives, rules_of
from tests.chart.rendering import CPU_DEMO, render

from .prometheus_server import program

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(__file__).with_name("rules_test.yaml")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [program("promtool"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The rules of a release, and the cases beside them."""
    (tmp_path / "rules.json").write_text(json.dumps(rules_of("search", "demo")), encoding="utf-8")
    (tmp_path / CASES.name).write_text(CASES.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_the_rules_are_valid(folder: Path) -> None:
    done = promtool(folder, "check", "rules", "rules.json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_when_it_should_and_not_before(folder: Path) -> None:
    done = promtool(folder, "test", "rules", CASES.name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    fired = {each["alertname"] for case in cases for each in case.get("alert_rule_test", ()) if each["exp_alerts"]}
    assert fired == {alert.name for alert in ALERTS}


def test_alerts_and_runbook_have_the_same_entries() -> None:
    assert re.findall(r"^## (Reranker\w+)$", RUNBOOK, re.MULTILINE) == [alert.name for alert in ALERTS]
    for alert in ALERTS:
        assert alert.as_rule()["annotations"]["runbook_url"].endswith(f"#{alert.name.lower()}")


def test_the_chart_renders_the_rules_that_are_tested() -> None:
    body = render({**CPU_DEMO, "prometheusRule": {"enabled": True}}).one("PrometheusRule")
    assert body["spec"] == rules_of("search", "demo")


def test_the_chart_s_objectives_reach_the_rules() -> None:
    values: dict[str, Any] = {
        "enabled": True,
        "availabilityPercent": "99.5",
        "latency": {"seconds": "0.1", "percent": "95"},
        "backlogSeconds": "500m",
        "runbookUrl": "https://wiki.example/reranker",
    }
    body = render({**CPU_DEMO, "prometheusRule": values}).one("PrometheusRule")
    chosen = Objectives("0.005", "0.05", "0.1", "0.5", "https://wiki.example/reranker")
    assert body["spec"] == rules_of("search", "demo", chosen)


def test_a_release_with_other_names_asks_for_its_own_series_alone() -> None:
    body = render({**CPU_DEMO, "fullnameOverride": "ranker", "prometheusRule": {"enabled": True}}).one("PrometheusRule")
    expressions = [rule["expr"] for group in body["spec"]["groups"] for rule in group["rules"]]
    text = " ".join(expressions)
    assert "__" not in re.sub("__name__", "", text)
    for expression in expressions:
        assert "namespace='search',reranker='ranker'" in expression or 'reranker="demo"' in expression


def test_what_the_adapter_serves_is_what_the_chart_scales_on() -> None:
    served = {rule["name"]["as"] for rule in adapter_values()["rules"]["custom"]}
    metrics = render(case="autoscaling-gpu-metrics").one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert {metric["pods"]["metric"]["name"] for metric in metrics} <= served
