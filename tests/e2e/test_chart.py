"""The chart on a real cluster: install, test, call, change under load, go back, refuse."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.helm import CASES, CHART, Release
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, failures

RATE = 5.0
"""Requests a second of the steady load."""


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    """A namespace that enforces the level `restricted`."""
    with cluster.namespace("rr-e2e-chart") as own:
        yield own


@pytest.fixture(scope="module")
def release(namespace: Namespace, image: str) -> Release:
    """cpu-demo, two replicas, ready."""
    installed = Release("demo", namespace, image)
    began = time.monotonic()
    notes = installed.install()
    took_s = time.monotonic() - began
    print(f"install to Ready: {took_s:.1f} s")  # noqa: T201 - a figure for whoever reads the run
    assert "curl -s http://demo.rr-e2e-chart:8000/rerank" in notes
    return installed


def test_helm_test_ranks_through_the_service(release: Release) -> None:
    output = release.helm("test", release.name, "--logs")
    assert "Phase:          Succeeded" in output
    assert "pod" not in release.namespace.kubectl("get", "pod", f"{release.name}-test", "--ignore-not-found")


def test_a_search_pod_of_another_namespace_calls_it_by_name(release: Release, search: SearchPod) -> None:
    with search.start_load(release.url, RATE) as load:
        outcomes = load.outcome()
    assert failures(outcomes) == []


def test_another_image_and_the_way_back_fail_no_request(release: Release, search: SearchPod, other_image: str) -> None:
    tag = other_image.rpartition(":")[2]
    with search.start_load(release.url, RATE) as load:
        Release(release.name, release.namespace, other_image).upgrade()
        release.await_settled()
        assert {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in release.pods()} == {tag}
        release.rollback()
        release.await_settled()
        outcomes = load.outcome()
    assert {pod["spec"]["containers"][0]["image"] for pod in release.pods()} == {release.image}
    assert len(outcomes) >= 10
    assert failures(outcomes) == []


def test_a_volume_of_one_node_for_two_replicas_is_refused_before_anything_is_made(
    namespace: Namespace, image: str
) -> None:
    shared = {"type": "pvc", "accessMode": "ReadWriteOnce"}
    output = Release("refused", namespace, image).refused({"model": {"source": "hf://org/name"}, "cache": shared})
    assert "cache.accessMode is ReadWriteOnce and replicas is 2" in output
    assert "Set cache.accessMode to ReadWriteMany" in output
    assert namespace.kubectl("get", "all,pvc", "--selector=app.kubernetes.io/instance=refused", "--output=name") == ""


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("*.yaml")))
def test_the_api_server_takes_every_object_of_every_case(namespace: Namespace, image: str, case: str) -> None:
    """Admitted in a `restricted` namespace without a warning, by the schemas of foreign kinds as well."""
    dry = Release(f"dry-{case.removesuffix('-values.yaml')}", namespace, image)
    rendered = dry.helm("template", dry.name, str(CHART), f"--values={CASES / case}", "--no-hooks")
    arguments = ("apply", "--server-side", "--dry-run=server", "--warnings-as-errors", "--filename=-")
    output = namespace.kubectl(*arguments, text_input=rendered)
    assert output.count("serverside-applied (server dry run)") == len(output.splitlines()) == rendered.count("\nkind: ")
