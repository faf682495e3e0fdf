"""A field of the Reranker is written in three places: default and description, type, and the template that uses it."""

from __future__ import annotations

import json

import yaml

from tests.chart.rendering import KUBE_VERSION, helm

from .tree import ROOT, TreeCopy

CHART = "charts/bge-reranker"
TYPES = next(ROOT.glob("*/generate/chart/values_schema.yaml")).relative_to(ROOT).as_posix()
DESCRIPTION = "Whether the pods may preempt others; empty: as their PriorityClass says."


def add_preemption_policy(tree: TreeCopy) -> None:
    tree.insert(f"{CHART}/values.yaml", 'schedulerName: ""', f'# {DESCRIPTION}\npreemptionPolicy: ""')
    tree.insert(TYPES, "schedulerName: *text", "preemptionPolicy: *text")
    tree.insert(
        f"{CHART}/templates/_scheduling.tpl",
        "schedulerName: {{ . | quote }}",
        "{{- end }}\n{{- with .Values.preemptionPolicy }}\npreemptionPolicy: {{ . | quote }}",
    )


def test_a_field_costs_three_places_and_the_rest_is_generated(tree: TreeCopy) -> None:
    add_preemption_policy(tree)
    done = tree.run("-m", "generate")
    assert done.returncode == 0, done.stderr
    definition = yaml.safe_load((tree.root / CHART / "crds" / "rerankers.yaml").read_text(encoding="utf-8"))
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert spec["properties"]["preemptionPolicy"] == {"type": "string", "maxLength": 253, "description": DESCRIPTION}
    schema = json.loads((tree.root / CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["preemptionPolicy"]["description"] == DESCRIPTION
    assert f'| `preemptionPolicy` | `""` | {DESCRIPTION} |' in (tree.root / CHART / "README.md").read_text("utf-8")
    assert tree.run("-m", "generate", "--check").returncode == 0
    assert len(tree.touched) == 3


def test_the_field_reaches_the_pods(tree: TreeCopy) -> None:
    add_preemption_policy(tree)
    assert tree.run("-m", "generate").returncode == 0
    options = (f"--kube-version={KUBE_VERSION}", "--set=preemptionPolicy=Never,operator.enabled=false")
    printed = helm("template", "demo", str(tree.root / CHART), *options)
    assert printed.returncode == 0, printed.stderr
    objects = [body for body in yaml.safe_load_all(printed.stdout) if body]
    (deployment,) = [body for body in objects if body["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["spec"]["preemptionPolicy"] == "Never"


def test_a_field_that_no_template_uses_stops_the_generator(tree: TreeCopy) -> None:
    tree.insert(f"{CHART}/values.yaml", 'schedulerName: ""', f'# {DESCRIPTION}\npreemptionPolicy: ""')
    tree.insert(TYPES, "schedulerName: *text", "preemptionPolicy: *text")
    done = tree.run("-m", "generate")
    assert done.returncode == 1
    assert "preemptionPolicy is used by no template" in done.stderr
