"""Promises between the chart and the service."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bge_reranker.api.health import HealthEndpoints
from bge_reranker.api.routes import management_routes
from bge_reranker.configuration import load_settings, settings_list
from bge_reranker.guard.authentication import Authenticator
from bge_reranker.observe.metrics import Metrics
from bge_reranker.serving.state import ServingState
from bge_reranker.settings import Settings
from generate.chart.settings_schema import OWNED
from generate.chart.usage import differences
from generate.chart.values_schema import values_schema
from tests.chart.rendering import CASES, CHART, CPU_DEMO, Rendered, helm, render

WORKLOAD_TEMPLATES = [
    path for path in sorted((CHART / "templates").iterdir()) if path.is_file() and path.name != "NOTES.txt"
]
FORBIDDEN = (
    r"\blookup\b",
    r"\.Capabilities\b",
    r"\.Release\.(IsInstall|IsUpgrade|Revision)\b",
    r"\b(rand\w+|uuidv4|genPrivateKey|genCA|genSelfSignedCert|genSignedCert|derivePassword|bcrypt|htpasswd)\b",
    r"\b(now|ago|date|dateInZone|htmlDate|unixEpoch|getHostByName)\b(?!:)",
    r"helm\.sh/hook",
)


@pytest.mark.parametrize("template", WORKLOAD_TEMPLATES, ids=lambda path: str(path.name))
def test_workload_templates_depend_on_values_alone(template: Path) -> None:
    actions = " ".join(re.findall(r"\{\{(?!-? ?/\*).*?\}\}", template.read_text(), re.DOTALL))
    plain = template.read_text() if "helm.sh/hook" in template.read_text() else ""
    assert [law for law in FORBIDDEN if re.search(law, actions + plain)] == []


def test_config_has_every_setting_but_those_that_the_chart_owns() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]
    offered = {f"{group}.{key}" for group, found in schema["properties"].items() for key in found["properties"]}
    owned = OWNED.keys()
    assert offered | owned == {setting.key for setting in settings_list()}
    assert not offered & owned


def settings_of(rendered: Rendered, container: str = "scorer") -> Settings:
    """What a container's environment says, as the service reads it."""
    containers = [*rendered.pod["containers"], *rendered.pod.get("initContainers", [])]
    (variables,) = (each["env"] for each in containers if each["name"] == container)
    return load_settings(None, {variable["name"]: variable.get("value", "") for variable in variables})


def test_containers_beside_the_scorer_are_told_of_no_gate_whose_golden_set_they_have_not() -> None:
    gate = {"goldenSet": "{}", "minNdcgAt10": 0.5, "cutOffs": [{"name": "a", "score": 0.5}]}
    rendered = render({**CPU_DEMO, "model": {"source": "hf://org/name"}, "gate": gate})
    assert settings_of(rendered).gate.min_ndcg_at_10 == 0.5
    assert settings_of(rendered, "fetch-model").gate == Settings().gate


@pytest.mark.parametrize("case", CASES)
def test_the_service_accepts_what_the_chart_tells_it(case: str) -> None:
    settings = settings_of(render(case=case))
    assert settings.http.host == settings.http.management_host == "::"


@pytest.mark.parametrize("case", CASES)
def test_probes_ask_for_paths_and_ports_that_there_are(case: str) -> None:
    rendered = render(case=case)
    paths = {
        probe.path
        for probe in management_routes(
            HealthEndpoints(ServingState(), Settings(), Metrics(), Authenticator(None, None, Metrics()))
        )
    }
    ports = {port["name"]: port["containerPort"] for port in rendered.scorer["ports"]}
    settings = settings_of(rendered).http
    assert ports == {"http": settings.port, "management": settings.management_port}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = rendered.scorer[probe]["httpGet"]
        assert asked["port"] == "management"
        assert asked["path"] in paths


@pytest.mark.parametrize("case", CASES)
def test_the_grace_period_is_drain_and_longest_deadline_and_five_seconds(case: str) -> None:
    rendered = render(case=case)
    settings = settings_of(rendered)
    expected = settings.http.drain_delay_s + settings.engine.deadline_s + 5
    assert rendered.pod["terminationGracePeriodSeconds"] == expected


def test_the_metric_that_the_autoscaler_follows_is_one_that_the_service_has() -> None:
    names = {family.name for family in Metrics().registry.collect()}
    metrics = render({**CPU_DEMO, "autoscaling": {"enabled": True}}).one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metrics[0]["pods"]["metric"]["name"] in names


def test_environment_variables_of_templates_are_known_to_the_service() -> None:
    known = {setting.variable for setting in settings_list()} | {"BGE_RERANKER_CONFIG"}
    texts = " ".join(path.read_text() for path in WORKLOAD_TEMPLATES)
    assert set(re.findall(r"\bBGE_RERANKER_[A-Z_]+\b", texts)) - {"BGE_RERANKER_"} <= known


def test_chart_and_service_have_one_version() -> None:
    pyproject = (CHART.parents[1] / "service" / "pyproject.toml").read_text()
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f'version = "{chart["appVersion"]}"' in pyproject
    assert chart["version"] == chart["appVersion"]


def test_the_readme_s_command_without_a_gpu_fits_a_small_node() -> None:
    text = (CHART / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    (command,) = [line for line in text.splitlines() if line.startswith("helm install") and "model.source=demo" in line]
    given = re.findall(r"--set (\S+)", command)
    done = helm(
        "template", "demo", str(CHART), *(f"--set={each}" for each in given), "--show-only=templates/deployment.yaml"
    )
    (scorer,) = yaml.safe_load(done.stdout)["spec"]["template"]["spec"]["containers"]
    assert scorer["resources"]["requests"] == {"cpu": "100m", "memory": "256Mi"}


def _values() -> str:
    return (CHART / "values.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("\nundocumented: 1\n", "undocumented of values.yaml has no type"),
        ("\n# Without a type.\nuntyped: 1\n", "untyped"),
    ],
)
def test_a_value_without_type_or_comment_stops_the_generator(line: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        values_schema(_values() + line)


def test_a_value_without_a_comment_stops_the_generator() -> None:
    with pytest.raises(ValueError, match="replicas has no comment above it"):
        values_schema(_values().replace("# Replicas; not used while `autoscaling.enabled`.\n", ""))


def test_a_value_that_no_template_uses_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("{{ .Values.replicas }} {{ .Values.misspelt.key }}")
    found = differences(_values(), tmp_path)
    assert "values.yaml: gpu.count is used by no template." in found
    assert "templates: .Values.misspelt.key is no key of values.yaml." in found
    assert "values.yaml: replicas is used by no template." not in found


def all_keys(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [schema, *(found for each in schema.get("properties", {}).values() for found in all_keys(each))]


def test_unknown_keys_are_refused_in_every_group() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    groups = [found for found in all_keys(schema) if "properties" in found]
    assert len(groups) > 30
    groups += schema["definitions"].values()
    assert all(found["additionalProperties"] is False for found in groups)
