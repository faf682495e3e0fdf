"""The cluster's own kubectl, always with the cluster's own kubeconfig."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

from tests.cluster.commands import run
from tests.cluster.layout import CONTEXT, KUBECONFIG
from tests.cluster.tools import KUBERNETES

MANIFESTS = Path(__file__).parent / "manifests"


def kubectl(*arguments: str, text_input: str | None = None) -> str:
    """Run kubectl to its end and give back what it printed."""
    command = [str(KUBERNETES.program("kubectl")), f"--kubeconfig={KUBECONFIG}", f"--context={CONTEXT}", *arguments]
    return run(command, text_input=text_input)


def get(*arguments: str) -> dict[str, Any]:
    """What `kubectl get` finds, as JSON."""
    found: dict[str, Any] = json.loads(kubectl("get", *arguments, "--output=json"))
    return found


def roll_out(workload: str, namespace: str) -> None:
    """Wait until every pod of a workload is ready."""
    kubectl("rollout", "status", workload, f"--namespace={namespace}", "--timeout=180s")


def apply(manifest: str, **values: object) -> None:
    """Apply a manifest of the cluster's own, its `$NAMES` replaced."""
    template = Template((MANIFESTS / manifest).read_text(encoding="utf-8"))
    kubectl("apply", "--server-side", "--filename=-", text_input=template.substitute(values))
