"""Values that the chart renders are values that the API server takes, and those that it refuses the server refuses too.

The table of what is refused is tests/attacks/structures.py; here each of its rows is rendered by a chart that checks
nothing, so that the API server itself says what it thinks of it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from tests.attacks.structures import (
    REFUSED,
    certificate,
    claim,
    container,
    metric,
    mount,
    node,
    pods,
    scaling,
    spread,
    toleration,
    variable,
    volume,
)
from tests.chart.rendering import CHART, CPU_DEMO, KUBE_VERSION, Values, helm
from tests.e2e.kubernetes import Namespace

ONLY_OURS = {
    # A node's to refuse.
    "an image whose name is too long",
    "a memory of another kind",
    # A download's.
    "a model at a port that is none",
    # No node has such a label.
    "a spread over a key that is none",
    # No route can be made, which would need its kind in the cluster.
    "certificates of a route",
    "a gateway by number",
    "a gateway of a namespace that is none",
}
"""Rows that the API server takes."""

RESIZED = {"resourceName": "cpu", "restartPolicy": "NotRequired"}

TAKEN: list[Values] = [
    toleration(operator="Exists"),
    toleration(key="k", effect="NoExecute", tolerationSeconds=0),
    toleration(key="x.example/k", value=""),
    node(key="k", operator="In", values=["v"]),
    node(key="k", operator="Exists"),
    node(key="k", operator="Gt", values=["1"]),
    pods(topologyKey="zone", labelSelector={"matchLabels": {"a": "b"}}, matchLabelKeys=["pod-template-hash"]),
    spread(minDomains=2, nodeAffinityPolicy="Honor"),
    scaling(stabilizationWindowSeconds=3600, selectPolicy="Min"),
    metric(type="Pods", pods={"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "500m"}}),
    certificate(hosts=["*.a.example"], secretName="bge-reranker-tls"),
    mount(subPath="a/..b", readOnly=True, recursiveReadOnly="IfPossible"),
    volume(downwardAPI={"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.labels"}}]}),
    volume(csi={"driver": "Disk.example", "nodePublishSecretRef": {"name": "s"}}),
    claim(),
    variable(fieldRef={"fieldPath": "metadata.annotations['X.example/a']"}),
    variable(resourceFieldRef={"resource": "limits.memory", "divisor": "1Mi"}),
    variable(resourceFieldRef={"resource": "requests.cpu", "divisor": 1}),
    container(readinessProbe={"httpGet": {"path": "", "port": "http-1"}, "successThreshold": 2}),
    container(livenessProbe={"exec": {"command": ["true"]}, "terminationGracePeriodSeconds": 1}),
    container(image="registry.example/" + "a" * 220 + ":1@sha256:" + "0" * 64),
    container(resources={"limits": {"cpu": 0.5, "memory": "1Gi", "example.org/x": "1"}}),
    container(lifecycle={"preStop": {"sleep": {"seconds": 0}}}, resizePolicy=[RESIZED]),
    {"podSecurityContext": {"fsGroup": None, "seccompProfile": {"type": "Localhost", "localhostProfile": "a/b"}}},
]


@pytest.fixture
def unchecked(tmp_path: Path) -> Path:
    """The chart without its schema and its rules."""
    chart = tmp_path / CHART.name
    shutil.copytree(CHART, chart)
    (chart / "values.schema.json").unlink()
    (chart / "templates" / "values" / "requirements.yaml").unlink()
    return chart


def rendered(chart: Path, values: Values, release: str, namespace: Namespace) -> str:
    """What a chart makes of values; empty where a template trips over them."""
    arguments = ["template", release, str(chart), f"--kube-version={KUBE_VERSION}", f"--namespace={namespace.name}"]
    given = {**CPU_DEMO, "operator": {"enabled": False}, **values}
    done = helm(*arguments, "--no-hooks", "--skip-tests", "--values=-", text_input=json.dumps(given))
    return done.stdout if done.returncode == 0 else ""


def taken(chart: Path, cases: Iterable[Values], namespace: Namespace) -> list[bool]:
    """Whether the API server takes all objects of each release; it is asked of all at once."""
    texts = {
        f"case-{count:03}": rendered(chart, values, f"case-{count:03}", namespace) for count, values in enumerate(cases)
    }
    command = namespace.cluster.command(
        f"--namespace={namespace.name}", "create", "--dry-run=server", "--output=name", "--filename=-"
    )
    stream = "\n".join(texts.values())
    done = subprocess.run(command, input=stream, capture_output=True, text=True, check=False)
    created = Counter(line.partition("/")[2][: len("case-000")] for line in done.stdout.splitlines())
    return [0 < len([*filter(None, yaml.safe_load_all(text))]) == created[name] for name, text in texts.items()]


def test_what_the_chart_refuses_of_structures_the_api_server_refuses(namespace: Namespace, unchecked: Path) -> None:
    cases = {"a demo": ({}, ""), **REFUSED}
    answers = taken(unchecked, [values for values, _ in cases.values()], namespace)
    assert {name for name, is_taken in zip(cases, answers, strict=True) if is_taken} == {"a demo", *ONLY_OURS}


def test_what_the_chart_takes_of_structures_the_api_server_takes(namespace: Namespace) -> None:
    answers = taken(CHART, TAKEN, namespace)
    assert [values for values, is_taken in zip(TAKEN, answers, strict=True) if not is_taken] == []
