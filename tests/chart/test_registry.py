"""Packaging, and pushing as an OCI artefact to a real registry."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.rendering import CHART, helm
from tests.store.servers.container_registry import running_registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_registry(tmp_path_factory.mktemp("registry")) as address:
        yield f"{address}/charts"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = helm("package", str(CHART), f"--destination={folder}")
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("bge-reranker-*.tgz")
    return found


def test_a_pushed_chart_can_be_installed_by_its_address(registry: str, package: Path) -> None:
    pushed = helm("push", str(package), f"oci://{registry}", "--plain-http")
    assert pushed.returncode == 0, pushed.stderr
    arguments = (
        "--plain-http",
        f"--version={package.stem.rpartition('-')[2]}",
        f"--values={CHART / 'ci' / 'everything-values.yaml'}",
    )
    from_registry = helm("template", "demo", f"oci://{registry}/bge-reranker", *arguments)
    assert from_registry.returncode == 0, from_registry.stderr
    assert from_registry.stdout == helm("template", "demo", str(CHART), *arguments[1:]).stdout


def test_the_package_holds_what_the_chart_needs_and_no_more(package: Path) -> None:
    listed = subprocess.run(["tar", "-tzf", package], capture_output=True, text=True, check=True).stdout.split()
    names = {name.removeprefix("bge-reranker/").partition("/")[0] for name in listed}
    assert names == {"Chart.yaml", "README.md", "ci", "crds", "files", "templates", "values.schema.json", "values.yaml"}
