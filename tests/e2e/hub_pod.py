"""A hub in a namespace of its own, so that a release has a model to fetch where nothing else can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.kubernetes import Cluster, service_url
from tests.e2e.model_hub import NAME, PORT

PROGRAM = Path(__file__).with_name("model_hub.py")
NAMESPACE = "rr-e2e-hub"
SOURCE = f"hf://{NAME}@main"
FOLDER = "/opt/application/bge_reranker/demo/model"
"""Where the scorer's image has the embedded model."""


@contextmanager
def model_hub(cluster: Cluster, image: str) -> Iterator[str]:
    """The address of a hub that has the embedded model as a repository."""
    with cluster.namespace(NAMESPACE) as namespace:
        container = {
            "name": "hub",
            "image": image,
            "command": ["python3", "-c", PROGRAM.read_text(encoding="utf-8"), FOLDER],
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        namespace.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "hub", "labels": {"app": "hub"}},
                "spec": {"containers": [container], "securityContext": security, "terminationGracePeriodSeconds": 1},
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "hub"},
                "spec": {"selector": {"app": "hub"}, "ports": [{"port": PORT}]},
            },
        )
        namespace.kubectl("wait", "pod/hub", "--for=condition=Ready", "--timeout=120s")
        yield service_url("hub", NAMESPACE, PORT)
