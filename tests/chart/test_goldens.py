"""Every case of ci/ against what was reviewed; `--update-golden` writes anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.chart.rendering import CASES, CHART, KUBE_VERSION, helm

GOLDENS = Path(__file__).parent / "goldens"
VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]


@pytest.mark.parametrize("case", CASES)
def test_case_renders_as_reviewed(case: str, pytestconfig: pytest.Config) -> None:
    golden = GOLDENS / f"{case}.yaml"
    values = CHART / "ci" / f"{case}-values.yaml"
    done = helm("template", "demo", str(CHART), "--namespace=search", f"--kube-version={KUBE_VERSION}", f"-f={values}")
    assert done.returncode == 0, done.stderr
    # A new version is no reason to review them all again.
    rendered = re.sub(rf"\b(version: |bge-reranker(?:-operator)?[:-]){re.escape(VERSION)}", r"\1VERSION", done.stdout)
    if pytestconfig.getoption("--update-golden"):
        golden.write_text(rendered, encoding="utf-8")
    assert rendered == golden.read_text(encoding="utf-8"), "review, then run with --update-golden"


@pytest.mark.parametrize("case", CASES)
def test_case_passes_the_strict_lint(case: str) -> None:
    done = helm("lint", "--strict", str(CHART), f"--values={CHART / 'ci' / f'{case}-values.yaml'}")
    assert done.returncode == 0, done.stdout


def test_every_golden_has_a_case() -> None:
    assert sorted(path.stem for path in GOLDENS.glob("*.yaml")) == CASES
