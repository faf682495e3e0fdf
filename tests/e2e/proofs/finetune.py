"""A model trained on a domain is rolled out through the gate; one trained on shuffled labels never gets a request."""

from __future__ import annotations

import base64
import io
import json
import shlex
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from bge_reranker.store.manifest import read_manifest
from tests.docs.blocks import blocks_of
from tests.e2e.editions import DEMO
from tests.e2e.image_names import OPERATOR_IMAGE
from tests.e2e.kubernetes import Cluster, Namespace, failures, search_pod
from tests.e2e.operated import Operated

ADDITIONS = ("crds",)
CLAIM = "bge-reranker-tuning"
GOOD, BAD, BASE = "domain-v1", "shuffled-v1", "base"
RATE = 3.0
MAX_GOLDEN_SET_BYTES = 60_000
"""What may stand in the resource is 64 KiB."""

WRITE = (
    "import base64, io, sys, tarfile; packed = io.BytesIO(base64.b64decode(sys.stdin.read())); "
    "tarfile.open(fileobj=packed).extractall('/tuning', filter='data')"
)
"""What the writer's pod runs: a tar in base64 on its standard input becomes a version."""


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Train as the tutorial does, put the versions on a claim, and change the Reranker's model."""
    with (
        tempfile.TemporaryDirectory() as name,
        search_pod(cluster, search_image, "rr-e2e-tuning-search") as search,
        cluster.namespace("rr-e2e-tuning") as namespace,
    ):
        folder = Path(name)
        trained = _train(folder)
        for version in (GOOD, BAD, BASE):
            _put(namespace, image, folder / version, version)
        gate = {"goldenSet": _golden_set(folder / GOOD / "held-out.jsonl"), "maxNdcgLoss": 0.0}
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        products.apply(**_spec(BASE), gate=gate)
        products.await_ready()
        with search.start_load(products.url, RATE) as load:
            began = time.monotonic()
            products.apply(**_spec(GOOD), gate=gate)
            products.await_ready()
            rolled_s = time.monotonic() - began
            assert products.active_source().endswith(GOOD)
            products.apply(**_spec(BAD), gate=gate)
            refused = products.await_reason("ModelReady", "GateFailed", 280)
            assert products.active_source().endswith(GOOD)
            outcomes = load.outcome()
        assert failures(outcomes) == []
        digests = {each["digest"] for each in outcomes}
        assert digests <= {read_manifest(folder / GOOD).digest, _digest_of_base(folder)}
        return {
            "difference_of_ndcg_at_10": trained,
            "rollout_s": round(rolled_s, 1),
            "requests": len(outcomes),
            "failed": 0,
            "refused": refused["message"],
        }


def _spec(version: str) -> dict[str, Any]:
    return {"model": {"source": f"pvc://{CLAIM}/{version}"}}


def _train(folder: Path) -> dict[str, float]:
    """The tutorial's file and its two runs; the gain on the held-out queries, with its interval."""
    page = blocks_of("docs/finetune.md")
    (texts,) = (block for block in page if block.language == "python")
    subprocess.run([sys.executable, "-c", texts.text], cwd=folder, check=True)
    for block in page:
        for command in block.commands if block.language == "sh" else ():
            if command[:2] == ["bge-reranker", "finetune"]:
                program = Path(sys.executable).with_name("bge-reranker")
                print(shlex.join(command), flush=True)  # noqa: T201 - minutes pass
                subprocess.run([program, *command[1:]], cwd=folder, check=True)
    (folder / BASE).mkdir()
    for path in DEMO.iterdir():
        (folder / BASE / path.name).write_bytes(path.read_bytes())
    figures = json.loads((folder / GOOD / "training.json").read_text(encoding="utf-8"))
    found: dict[str, float] = figures["evaluation"]["comparisons"][0]["differences"]["ndcg_at_10"]
    return found


def _digest_of_base(folder: Path) -> str:
    figures = json.loads((folder / GOOD / "training.json").read_text(encoding="utf-8"))
    return str(figures["base_digest"])


def _golden_set(file: Path) -> str:
    """As many of the held-out queries as may stand in the resource."""
    kept, size = [], 0
    for line in file.read_text(encoding="utf-8").splitlines():
        size += len(line.encode()) + 1
        if size > MAX_GOLDEN_SET_BYTES:
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def _put(namespace: Namespace, image: str, folder: Path, version: str) -> None:
    """Write a version onto the claim, from a pod that mounts it."""
    if version == GOOD:
        namespace.create(_claim(), _writer(image))
        namespace.kubectl("wait", "pod/writer", "--for=condition=Ready", "--timeout=120s")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(folder, version)
    text = base64.b64encode(packed.getvalue()).decode()
    namespace.kubectl("exec", "--stdin", "writer", "--", "python3", "-c", WRITE, text_input=text)
    if version == BASE:
        namespace.kubectl("delete", "pod", "writer", "--grace-period=0", "--force")


def _claim() -> dict[str, Any]:
    spec = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "shared",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}


def _writer(image: str) -> dict[str, Any]:
    container = {
        "name": "writer",
        "image": image,
        "command": ["python3", "-c", "import time; time.sleep(3600)"],
        "volumeMounts": [{"name": "tuning", "mountPath": "/tuning"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    volumes = [{"name": "tuning", "persistentVolumeClaim": {"claimName": CLAIM}}]
    spec = {"containers": [container], "securityContext": security, "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "writer"}, "spec": spec}
