"""The service by a plain manifest, and a search team beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster.failures import ClusterError
from tests.e2e.deployment import IN_SCORER, RATE, SCORER, URL, await_gone, deployed, pods, roll_out
from tests.e2e.kubernetes import Cluster, SearchPod, failures, wait_until
from tests.e2e.questions import expected_scores, questions, wrong_rankings


@pytest.fixture(scope="module", autouse=True)
def scorer(cluster: Cluster, image: str) -> Iterator[None]:
    with deployed(cluster, image):
        yield


def test_three_client_libraries_get_the_model_s_own_rankings_of_200_queries(search: SearchPod) -> None:
    asked = questions()
    expected = expected_scores(asked)
    answers = search.run("ask", URL, text_input=json.dumps(asked))
    assert set(answers) == {"cohere", "voyageai", "mixedbread"}
    for library, given in answers.items():
        assert len(given) == 200
        assert wrong_rankings(given, expected) == [], library


def test_a_rolling_restart_fails_no_request(cluster: Cluster, search: SearchPod) -> None:
    before = {pod["name"] for pod in pods(cluster)}
    with search.start_load(URL, RATE) as load:
        cluster.kubectl("rollout", "restart", "deployment/reranker", IN_SCORER)
        roll_out(cluster)
        await_gone(cluster, before)
        outcomes = load.outcome()
    assert len(outcomes) >= 10
    assert failures(outcomes) == []


def test_a_deleted_pod_fails_no_request(cluster: Cluster, search: SearchPod) -> None:
    victim = pods(cluster)[0]["name"]
    with search.start_load(URL, RATE) as load:
        cluster.kubectl("delete", "pod", victim, IN_SCORER, "--wait=false")
        await_gone(cluster, {victim})
        roll_out(cluster)
        outcomes = load.outcome()
    assert len(outcomes) >= 10
    assert failures(outcomes) == []


def test_a_drained_node_fails_no_request(cluster: Cluster, search: SearchPod) -> None:
    elsewhere = [pod["node"] for pod in pods(cluster) if pod["node"] != search.node()]
    if not elsewhere:
        pytest.skip("every pod is on the search pod's node: a cluster of one node cannot be drained")
    node = elsewhere[0]
    try:
        with search.start_load(URL, RATE) as load:
            arguments = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=280s")
            cluster.kubectl("drain", node, *arguments)
            roll_out(cluster)
            outcomes = load.outcome()
    finally:
        cluster.kubectl("uncordon", node)
    assert {pod["node"] for pod in pods(cluster)} & {node} == set()
    assert len(outcomes) >= 10
    assert failures(outcomes) == []


def test_kubectl_top_knows_the_pods(cluster: Cluster, search: SearchPod) -> None:
    def is_measured(namespace: str, pod: str) -> bool:
        try:
            return pod in cluster.kubectl("top", "pod", f"--namespace={namespace}")
        except ClusterError as error:
            # Metrics are a while in coming, and kubectl calls that an error.
            print(error)  # noqa: T201 - shown by pytest when the wait fails
            return False

    wait_until(lambda: is_measured(SCORER, "reranker-"), "kubectl top pod shows the scorer's pods")
    wait_until(lambda: is_measured(search.namespace, "search"), "kubectl top pod shows the search team's")


def test_metrics_and_logs_tell_of_the_requests_and_of_no_text(cluster: Cluster, search: SearchPod) -> None:
    search.run("ask", URL, text_input=json.dumps(questions()[:20]))
    # A pod's metrics may be a second old.
    wait_until(lambda: counted_requests(cluster) >= 60, "the metrics tell of all requests")
    logged = 0
    for pod in pods(cluster):
        lines = cluster.kubectl("logs", pod["name"], IN_SCORER).splitlines()
        records = [json.loads(line) for line in lines if line.startswith("{")]
        logged += sum(record.get("status") == 200 for record in records)
        assert not any("what is known about" in line for line in lines)
    assert logged >= 60


def counted_requests(cluster: Cluster) -> float:
    """Requests that the pods' metrics tell of."""
    counted = 0.0
    for pod in pods(cluster):
        proxied = f"/api/v1/namespaces/{SCORER}/pods/{pod['name']}:8001/proxy/metrics"
        for line in cluster.kubectl("get", f"--raw={proxied}").splitlines():
            if line.startswith("rerank_requests_total "):
                counted += float(line.rpartition(" ")[2])
    return counted
