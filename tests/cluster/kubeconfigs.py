"""A kubeconfig for everyone who talks to the API server."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.certificates import AUTHORITY, Identity
from tests.cluster.layout import API_PORT, CONTEXT, HOST_ADDRESS, KUBECONFIGS


def write(identity: Identity) -> Path:
    """Write the kubeconfig of one identity; credentials lie beside it, in the cluster's folder."""
    KUBECONFIGS.mkdir(parents=True, exist_ok=True)
    cluster = {"server": f"https://{HOST_ADDRESS}:{API_PORT}", "certificate-authority": f"{AUTHORITY}.crt"}
    user = {"client-certificate": str(identity.certificate), "client-key": str(identity.key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": identity.name, "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": identity.name}}],
        "current-context": CONTEXT,
    }
    path = KUBECONFIGS / identity.name
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return path
