"""Specs of Rerankers whose authors may create nothing else, and want what the operator's rights would give them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reranker_operator.errors import NotAllowed
from reranker_operator.spec_limits import AllowedNames
from tests.attacks.attack import Attack

TOKEN = {"serviceAccountToken": {"path": "token"}}
TOKENS = {"config": {"guard": {"jwtIssuer": "https://issuer.example", "jwtAudience": "search"}}}


def judged(spec: dict[str, Any]) -> str:
    """What the operator says before it renders anything."""
    try:
        AllowedNames().check(spec)
    except NotAllowed as error:
        return error.code
    return "allowed"


def variable(**source: Any) -> dict[str, Any]:
    return {"extraEnv": [{"name": "A", "value": "plain"}, {"name": "B", "valueFrom": source}]}


def volume(**kind: Any) -> dict[str, Any]:
    return {"extraVolumes": [{"name": "fine", "emptyDir": {}}, {"name": "x", **kind}]}


REFUSED: dict[str, dict[str, Any]] = {
    "the node's disk": volume(hostPath={"path": "/"}),
    "the node's disk beside an empty folder": volume(emptyDir={}, hostPath={"path": "/"}),
    "a token of the pod's account": volume(projected={"sources": [TOKEN]}),
    "a Secret in a projected volume": volume(projected={"sources": [{"secret": {"name": "bge-reranker-x"}}]}),
    "a secret store's driver": volume(
        csi={"driver": "secrets-store.csi.k8s.io", "nodePublishSecretRef": {"name": "x"}}
    ),
    "a copy of another claim": volume(
        ephemeral={"volumeClaimTemplate": {"spec": {"dataSource": {"kind": "PersistentVolumeClaim", "name": "db"}}}}
    ),
    "a file server that the node reaches": volume(nfs={"server": "10.0.0.1", "path": "/"}),
    "a kind of volume that there is not yet": volume(quantum={}),
    "a Secret as a volume": volume(secret={"secretName": "payments-db"}),
    "a ConfigMap as a volume": volume(configMap={"name": "kube-root-ca.crt"}),
    "a claim as a volume": volume(persistentVolumeClaim={"claimName": "data-payments-0"}),
    "a Secret as a variable": variable(secretKeyRef={"name": "payments-db", "key": "password"}),
    "a ConfigMap as a variable": variable(configMapKeyRef={"name": "settings", "key": "dsn"}),
    "a source of variables that there is not yet": variable(fileKeyRef={"volumeName": "x", "path": "y"}),
    "a claim as a model": {"model": {"source": "pvc://data-payments-0"}},
    "a claim as a model, with a path": {"model": {"source": "pvc://data-payments-0/bge-reranker-x"}},
    "a claim as a model, behind the allowed name": {"model": {"source": "pvc://bge-reranker-x\n/y"}},
    "a claim as a cache": {"cache": {"type": "existing", "existingClaim": "data-payments-0"}},
    "a Secret as a pull secret": {"image": {"pullSecrets": ["bge-reranker-x", "payments-registry"]}},
    "a Secret as a hub's token": {"secrets": {"hubToken": {"name": "payments-db", "key": "password"}}},
    "a Secret as S3 keys": {"secrets": {"s3": {"name": "payments-db"}}},
    "a Secret as API keys": {"secrets": {"apiKeys": {"name": "payments-db"}}},
    "a Secret as secrets of tokens": {"secrets": {"jwtSecret": {"name": "payments-db"}}, **TOKENS},
    "a Secret as keys of an issuer": {"secrets": {"jwks": {"name": "payments-db"}}, **TOKENS},
    "a Secret as Redis' password": {"secrets": {"redis": {"name": "payments-db"}}},
    "a Secret as a certificate": {"secrets": {"tls": {"name": "payments-db"}}},
    "a Secret as authorities": {"secrets": {"caBundle": {"name": "payments-db"}}},
    "a certificate of another service": {
        "ingress": {"tls": [{"hosts": ["a.example"]}, {"secretName": "payments-tls"}]}
    },
    "a name that only begins like an allowed one": {"secrets": {"hubToken": {"name": "bge-rerankerx"}}},
    "a name that only ends like an allowed one": {"secrets": {"hubToken": {"name": "x-bge-reranker-y"}}},
    "a container beside the scorer": {"extraContainers": [{"name": "x", "image": "x", "securityContext": {}}]},
    "an account that has rights": {"serviceAccount": {"create": False, "name": "cluster-admin"}},
    "pods as root": {"podSecurityContext": {"runAsUser": 0}},
    "an operator of its own": {"operator": {"clusterWide": True}},
    "a name with a line break": {"secrets": {"hubToken": {"name": "bge-reranker-x\npayments-db"}}},
    "a name in capitals": {"secrets": {"hubToken": {"name": "BGE-RERANKER-X"}}},
    "priority over the cluster's own pods": {"priorityClassName": "system-node-critical"},
    "pods without AppArmor": {
        "podAnnotations": {"container.apparmor.security.beta.kubernetes.io/scorer": "unconfined"},
    },
}

ALLOWED: dict[str, dict[str, Any]] = {
    "names that match": {
        "secrets": {"hubToken": {"name": "bge-reranker-hub"}},
        "cache": {"existingClaim": "bge-reranker-0"},
    },
    "a claim that matches, as a model with a path": {"model": {"source": "pvc://bge-reranker-models/large/v1"}},
    "a hub that is named like a claim": {"model": {"source": "hf://pvc/payments"}},
    "its own name as a variable": variable(fieldRef={"fieldPath": "metadata.name"}),
}


def _launched(spec: dict[str, Any]) -> Callable[[Path], str]:
    return lambda _: judged(spec)


ROWS = (
    *(Attack("Reranker", name, _launched(spec), "NotAllowed") for name, spec in REFUSED.items()),
    *(Attack("Reranker", name, _launched(spec), "allowed") for name, spec in ALLOWED.items()),
)
