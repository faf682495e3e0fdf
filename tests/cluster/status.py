"""Says how the cluster is."""

from __future__ import annotations

from rich.console import Console

from tests.cluster import removal
from tests.cluster.answering import answers
from tests.cluster.failures import ClusterError
from tests.cluster.kubectl import kubectl
from tests.cluster.layout import API_PORT, CONTEXT, HOST_ADDRESS, KUBECONFIG


def show(console: Console) -> None:
    """Print nodes and pods, or why there are none.

    Raises:
        ClusterError: No cluster is up, or its API server does not answer.
    """
    left = removal.left_over()
    if not left:
        raise ClusterError("No cluster is up: run `make cluster-up`.")
    if not answers(f"https://{HOST_ADDRESS}:{API_PORT}/readyz"):
        raise ClusterError(
            f"The API server does not answer; of the cluster there is {'; '.join(left)}. Run `make cluster-down`."
        )
    console.print(f"KUBECONFIG={KUBECONFIG}, context {CONTEXT}\n", highlight=False, soft_wrap=True)
    for what in (("nodes", "--output=wide"), ("pods", "--all-namespaces", "--output=wide")):
        console.print(kubectl("get", *what), highlight=False, soft_wrap=True)
