"""A pod that plays dcgm-exporter for the scorers of its namespace, and the ServiceMonitor by which it is scraped."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.kubernetes import Namespace

PROGRAM = Path(__file__).resolve().parents[1] / "monitoring" / "dcgm_exporter.py"
NAME = "dcgm-exporter"
_RBAC = "rbac.authorization.k8s.io"
_NAMED = {"metadata": {"name": NAME}}
_LABELS = {"app": NAME}


def play_gpus(namespace: Namespace, image: str) -> None:
    """Start it, and have it scraped as its own chart would.

    Args:
        namespace: Where the scorers are.
        image: Any that has Python.
    """
    _give_it_rights(namespace)
    port = {"name": "exporter", "port": 9400}
    monitor = {"selector": {"matchLabels": _LABELS}, "endpoints": [_endpoint(keeps_labels=False)]}
    namespace.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            **_NAMED,
            "data": {PROGRAM.name: PROGRAM.read_text(encoding="utf-8")},
        },
        _pod(image),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "labels": _LABELS},
            "spec": {"selector": _LABELS, "ports": [port]},
        },
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", **_NAMED, "spec": monitor},
    )
    namespace.kubectl("wait", f"pod/{NAME}", "--for=condition=Ready", "--timeout=180s")


def keep_labels(namespace: Namespace, *, keeps: bool) -> None:
    """Whether the workload's pod stays in `pod`, or goes to `exported_pod` as with the exporter's own chart."""
    patch = json.dumps({"spec": {"endpoints": [_endpoint(keeps_labels=keeps)]}})
    namespace.kubectl("patch", "servicemonitor", NAME, "--type=merge", f"--patch={patch}")


def _endpoint(*, keeps_labels: bool) -> dict[str, object]:
    return {"port": "exporter", "honorLabels": keeps_labels, "interval": "5s"}


def _give_it_rights(namespace: Namespace) -> None:
    """To see the scorers."""
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace.name}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    role = {"apiGroup": _RBAC, "kind": "Role", "name": NAME}
    namespace.create(
        {"apiVersion": "v1", "kind": "ServiceAccount", **_NAMED},
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", **_NAMED, "rules": rules},
        {"apiVersion": f"{_RBAC}/v1", "kind": "RoleBinding", **_NAMED, "roleRef": role, "subjects": [subject]},
    )


def _pod(image: str) -> dict[str, object]:
    container = {
        "name": "exporter",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python3", f"/exporter/{PROGRAM.name}"],
        "ports": [{"name": "exporter", "containerPort": 9400}],
        "readinessProbe": {"tcpSocket": {"port": "exporter"}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "script", "mountPath": "/exporter"}],
    }
    spec = {
        "serviceAccountName": NAME,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "script", "configMap": {"name": NAME}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": _LABELS}, "spec": spec}
