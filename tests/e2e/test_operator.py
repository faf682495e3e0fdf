"""The operator: a Reranker becomes a service, changes under load, survives faults, and goes without a trace."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.failures import ClusterError
from tests.e2e.helm import CHART
from tests.e2e.kubernetes import Cluster, SearchPod, failures, wait_until
from tests.e2e.operated import Operated, sampled_rerankers
from tests.e2e.questions import expected_scores, questions, wrong_rankings

IMPOSTOR = Path(__file__).with_name("impostor.py")
RATE = 5.0
"""Requests a second of the steady load."""

SAMPLES = CHART.parents[1] / "manifests" / "samples"
ROUNDS_OF_DEATH = 5
DRIFT_LIMIT_S = 10


@pytest.fixture(scope="module")
def products(cluster: Cluster, image: str, operator_image: str) -> Iterator[Operated]:
    """A ready Reranker of two replicas."""
    with cluster.namespace("rr-e2e-operator") as namespace:
        operated = Operated(namespace, image)
        operated.install_operator(operator_image)
        operated.apply()
        namespace.kubectl("wait", "reranker/products", "--for=condition=Ready", "--timeout=280s")
        operated.await_ready()
        yield operated


def test_a_search_pod_gets_right_rankings_from_the_endpoint_in_the_status(
    products: Operated, search: SearchPod
) -> None:
    status = products.get()["status"]
    assert status["ready"] == "2/2"
    assert status["endpoint"] == "http://products.rr-e2e-operator.svc:8000"
    asked = questions()[:20]
    answers = search.run("ask", status["endpoint"], text_input=json.dumps(asked))
    for library, given in answers.items():
        assert wrong_rankings(given, expected_scores(asked)) == [], library


def test_the_columns_tell_model_state_and_measured_capacity(products: Operated) -> None:
    wait_until(lambda: "capacity" in products.get()["status"], "both pods were asked for their capacity")
    status = products.get()["status"]
    assert status["capacity"]["replicas"] == 2
    assert status["capacity"]["pairsPerSecond"] > 0
    assert status["model"]["active"]["digest"].startswith(status["model"]["summary"].partition("@")[2])
    heads = products.namespace.kubectl("get", "reranker", "products").splitlines()[0].split()
    assert heads == ["NAME", "READY", "MODEL", "STATE", "CAPACITY", "AGE"]
    assert "AllReplicasReady" in products.namespace.kubectl("get", "rr", "products")
    assert "Replicas; not used while" in products.namespace.kubectl("explain", "reranker.spec.replicas")


def test_a_pod_that_only_bears_its_labels_is_not_asked_and_changes_nothing(products: Operated, image: str) -> None:
    namespace = products.namespace
    selector = f"--selector=app.kubernetes.io/component=scorer,app.kubernetes.io/instance={products.name}"
    labels: dict[str, str] = namespace.get("pods", selector)["items"][0]["metadata"]["labels"]
    # With this label, the ReplicaSet would make the pod its own.
    del labels["pod-template-hash"]
    container = {
        "name": "scorer",
        "image": image,
        "command": ["python3", "-c", IMPOSTOR.read_text(encoding="utf-8")],
        "readinessProbe": {"tcpSocket": {"port": 8001}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security, "terminationGracePeriodSeconds": 1}
    before = products.get()["status"]
    namespace.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "impostor", "labels": labels}, "spec": spec}
    )
    try:
        namespace.kubectl("wait", "pod/impostor", "--for=condition=Ready", "--timeout=60s")
        # A question begins with a round, and the next round would tell what came of it.
        for is_suspended in (True, False):
            products.apply(lifecycle={"suspend": is_suspended})
            products.await_reason("Ready", "Suspended" if is_suspended else "AllReplicasReady", 60)
        after = products.get()["status"]
        assert {key: after[key] for key in ("model", "capacity", "ready")} == {
            key: before[key] for key in ("model", "capacity", "ready")
        }
        assert namespace.kubectl("logs", "impostor") == ""
    finally:
        namespace.kubectl("delete", "pod", "impostor")
    products.apply()
    products.await_ready()


CHANGES: dict[str, Callable[[Operated], None]] = {
    "config": lambda products: products.apply(config={"engine": {"maxBatchTokens": 4096}}),
    "replicas": lambda products: products.apply(config={"engine": {"maxBatchTokens": 4096}}, replicas=3),
    "resources": lambda products: products.apply(
        replicas=3, resources={"requests": {"cpu": "60m", "memory": "300Mi"}, "limits": {"memory": "1500Mi"}}
    ),
    "kubectl scale": lambda products: _scale(products, 2),
}


def _scale(products: Operated, replicas: int) -> None:
    products.namespace.kubectl("scale", "reranker/products", f"--replicas={replicas}")


def test_changes_under_load_fail_no_request(products: Operated, search: SearchPod) -> None:
    with search.start_load(products.url, RATE) as load:
        for change in CHANGES.values():
            change(products)
            products.await_ready()
        outcomes = load.outcome()
    assert len(outcomes) >= 50
    assert failures(outcomes) == []
    assert products.get("deployment")["spec"]["replicas"] == 2


def test_a_change_that_never_gets_ready_leaves_the_old_version_serving(products: Operated, search: SearchPod) -> None:
    before = products.get()["spec"]
    with search.start_load(products.url, RATE) as load:
        products.apply(image={"registry": "localhost", "repository": "missing", "tag": "none", "pullPolicy": "Never"})
        ready = products.await_reason("Ready", "ImagePull")
        assert "image.repository" in ready["message"]
        assert products.condition("Available")["status"] == "True"
        assert products.get()["status"]["lastFailure"]["code"] == "ImagePull"
        products.apply(**{key: before[key] for key in ("config", "image", "replicas") if key in before})
        products.await_ready()
        assert "lastFailure" not in products.get()["status"]
        outcomes = load.outcome()
    assert failures(outcomes) == []


def test_autoscaling_takes_the_count_over_and_gives_it_back_without_a_drop(
    products: Operated, search: SearchPod
) -> None:
    counts = []
    scaled: dict[str, Any] = {"enabled": True, "minReplicas": 2, "maxReplicas": 3, "backlogSeconds": {"enabled": False}}
    with search.start_load(products.url, RATE) as load:
        products.apply(autoscaling={**scaled, "cpu": {"enabled": True}})
        wait_until(lambda: any("HorizontalPodAutoscaler" in each for each in products.children()), "an autoscaler")
        wait_until(lambda: products.condition("MetricsHealthy") != {}, "MetricsHealthy is set")
        counts.append(products.get("deployment")["spec"]["replicas"])
        products.apply()
        wait_until(lambda: not any("HorizontalPodAutoscaler" in each for each in products.children()), "none")
        counts.append(products.get("deployment")["spec"]["replicas"])
        products.await_ready()
        outcomes = load.outcome()
    assert min(counts) >= 2
    assert failures(outcomes) == []


def test_what_is_deleted_or_edited_by_hand_is_put_back_in_time(products: Operated) -> None:
    products.namespace.kubectl("delete", "service", "products")
    wait_until(lambda: "Service/products" in products.children(), "the Service is back", DRIFT_LIMIT_S)
    products.namespace.kubectl("scale", "deployment/products", "--replicas=1")
    wait_until(
        lambda: products.get("deployment")["spec"]["replicas"] == 2, "the count is the spec's again", DRIFT_LIMIT_S
    )


def test_a_suspended_reranker_is_left_alone(products: Operated) -> None:
    products.apply(lifecycle={"suspend": True}, replicas=3)
    products.await_reason("Ready", "Suspended")
    assert products.get("deployment")["spec"]["replicas"] == 2
    products.apply(lifecycle={"suspend": False})
    products.await_ready()


def test_the_api_server_refuses_nonsense_with_a_sentence(products: Operated) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"replikas": 2}, 'unknown field "spec.replikas"'),
        ({"replicas": "two"}, "spec.replicas"),
        (
            {"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 2}},
            "autoscaling.minReplicas must be at most autoscaling.maxReplicas",
        ),
        ({"cache": {"type": "pvc", "accessMode": "ReadWriteOnce"}}, "lets one node mount the volume"),
    ]
    for spec, words in refused:
        with pytest.raises(ClusterError, match=words):
            products.another("nonsense").apply(**spec)
    with pytest.raises(ClusterError, match="at most 53 characters"):
        products.another("n" * 54).apply()


def test_an_object_of_somebody_else_is_not_taken(products: Operated) -> None:
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "taken"}, "spec": {"ports": [{"port": 80}]}}
    products.namespace.create(theirs)
    taken = products.another("taken")
    taken.apply()
    ready = taken.await_reason("Ready", "NotOwned")
    assert "Service taken exists" in ready["message"]
    assert products.namespace.get("service", "taken")["spec"]["ports"][0]["port"] == 80
    products.namespace.kubectl("delete", "reranker/taken", "service/taken")


def is_judged(sample: Operated) -> bool:
    return sample.condition("Ready") != {}


def test_all_samples_are_accepted_as_they_are(products: Operated) -> None:
    products.namespace.kubectl("apply", f"--filename={SAMPLES}")
    samples = [products.another(name) for name in sampled_rerankers(SAMPLES)]
    for sample in samples:
        wait_until(partial(is_judged, sample), f"the operator has looked at {sample.name}")
    conditions = {sample.name: sample.condition("Ready") for sample in samples}
    products.namespace.kubectl("delete", f"--filename={SAMPLES}")
    assert {
        name for name, each in conditions.items() if each["reason"] in {"InvalidSpec", "NotAllowed", "NotOwned"}
    } == set()
    for each in conditions.values():
        # This cluster need not have the kinds of other projects.
        assert each["reason"] != "KindNotInstalled" or "enabled to false" in each["message"]


def test_an_operator_killed_at_random_always_converges(products: Operated, search: SearchPod) -> None:
    uid = products.get("deployment")["metadata"]["uid"]
    chance = random.Random(9)
    with search.start_load(products.url, RATE) as load:
        for number in range(ROUNDS_OF_DEATH):
            products.apply(commonLabels={"round": str(number)}, replicas=chance.choice((2, 3)))
            products.kill_operator()
        products.apply(commonLabels={"round": "last"})
        products.await_ready()
        outcomes = load.outcome()
    live = products.get("deployment")
    assert live["metadata"]["uid"] == uid, "never a second Deployment"
    assert live["metadata"]["labels"]["round"] == "last"
    assert failures(outcomes) == []


def test_its_rights_are_the_ones_in_the_chart(products: Operated) -> None:
    account = f"--as=system:serviceaccount:{products.namespace.name}:operator-operator"
    refused = [("delete", "persistentvolumeclaims"), ("get", "secrets"), ("create", "pods"), ("update", "rerankers")]
    allowed = [("patch", "deployments.apps"), ("patch", "rerankers/status"), ("create", "events")]
    for verb, resource in [*refused, *allowed]:
        # With a slash, kubectl would take what follows for an object's name.
        kind, _, subresource = resource.partition("/")
        arguments = products.namespace.cluster.command("auth", "can-i", verb, kind, account)
        arguments += [
            f"--namespace={products.namespace.name}",
            *([f"--subresource={subresource}"] if subresource else []),
        ]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == ("yes" if (verb, resource) in allowed else "no"), (verb, resource)


def test_a_deleted_reranker_takes_everything_with_it_and_comes_back_when_created_at_once(products: Operated) -> None:
    products.namespace.kubectl("delete", "reranker/products", "--wait=true")
    products.apply()
    products.await_ready()
    products.namespace.kubectl("delete", "reranker/products")
    wait_until(lambda: products.children() == [], "the garbage collector is done")
