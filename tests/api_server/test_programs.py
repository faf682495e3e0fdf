"""Helm that hangs or fails, and a CRD that is older than the operator."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cluster.tools import HELM
from tests.control_plane.operators import OperatorProcess
from tests.control_plane.processes import ControlPlane
from tests.control_plane.stage import CRD, serve_crd
from tests.e2e.kubernetes import wait_until
from tests.e2e.operated import Operated


class Helm:
    """A program in helm's place that does what it is told by a file beside it."""

    def __init__(self, folder: Path) -> None:
        self.path, self._mode = folder / "helm", folder / "mode"
        self.path.write_text(f'#!/bin/sh\n. {self._mode}\nexec {HELM.program()} "$@"\n')
        self.path.chmod(0o755)
        self.do("")

    def do(self, command: str) -> None:
        self._mode.write_text(command + "\n")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("exec sleep 600", "did not end within 3 s"),
        ("echo out of luck >&2; exit 7", "helm ended with 7: out of luck"),
        ("kill -9 $$", "helm ended with -9"),
    ],
)
def test_helm_that_hangs_or_fails_touches_nothing_and_is_asked_again(
    products: Operated, idle: OperatorProcess, tmp_path: Path, command: str, words: str
) -> None:
    helm = Helm(tmp_path)
    idle.settings |= {"helm": helm.path, "helm_limit_s": 3}
    idle.start_and_await_work()
    products.apply()
    products.await_ready()
    before = products.get("deployment")["spec"]
    helm.do(command)
    products.apply(commonLabels={"round": "after"})
    said = products.await_reason("Ready", "RenderFailed", 60)
    assert words in said["message"]
    assert products.condition("Available")["status"] == "True"
    assert products.condition("Stalled")["status"] == "False", "it may pass"
    assert products.get("deployment")["spec"] == before
    helm.do("")
    products.await_ready()
    assert products.get("deployment")["metadata"]["labels"]["round"] == "after"


def test_an_older_crd_is_said_and_worked_with(plane: ControlPlane, products: Operated, idle: OperatorProcess) -> None:
    older = yaml.safe_load(CRD.read_text())
    schema = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["podAnnotations"]
    schema["description"] = "An older Reranker. Schema 000000000000."
    try:
        plane.kubectl("apply", "--server-side", "--filename=-", text_input=yaml.safe_dump(older))
        wait_until(lambda: "An older" in plane.kubectl("explain", "reranker"), "the older schema is published", 60)
        idle.start_and_await_work()
        products.apply()
        products.await_ready()
        said = products.condition("Ready")
        assert said["status"] == "True"
        assert "kubectl apply --server-side -f" in said["message"]
        assert "crd_differs" in idle.said
    finally:
        serve_crd(plane)
        wait_until(lambda: "An older" not in plane.kubectl("explain", "reranker"), "ours is published", 60)


def test_a_crd_that_is_not_there_yet_is_waited_for(
    plane: ControlPlane, products: Operated, idle: OperatorProcess
) -> None:
    plane.kubectl("delete", f"--filename={CRD}")
    try:
        idle.start()
        wait_until(lambda: "crd_missing" in idle.said, "the operator says so", 60)
    finally:
        serve_crd(plane)
    products.apply()
    products.await_ready()
