"""Jobs train models on a claim; the good one is rolled out through the gate, one of shuffled labels gets no request."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from tests.cluster.layout import NODES
from tests.cluster.loading import load
from tests.docs.blocks import Block, blocks_of
from tests.e2e.image_names import OPERATOR_IMAGE, TUNING_IMAGE
from tests.e2e.kubernetes import Cluster, Namespace, failures, search_pod, wait_until
from tests.e2e.operated import Operated

ADDITIONS = ("crds",)
SAMPLE = Path("manifests/samples/finetune.yaml")
CLAIM, TEXTS = "bge-reranker-tuning", "bge-reranker-texts"
GOOD, BAD = "domain-v1", "shuffled-v1"
RATE = 3.0
JOB_LIMIT_S = 900
MAX_GOLDEN_SET_BYTES = 60_000
"""What may stand in the resource is 64 KiB."""


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Train as the tutorial does, by the sample's Job, and change the Reranker's model."""
    console = Console()
    console.print(f"Loading {TUNING_IMAGE} on one node; it is large ...")
    load(TUNING_IMAGE, console, NODES[:1])
    with (
        search_pod(cluster, search_image, "rr-e2e-tuning-search") as search,
        cluster.namespace("rr-e2e-tuning") as namespace,
    ):
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        page = blocks_of("docs/finetune.md")
        _create_texts(namespace, page)
        _create_claim_and_reader(namespace, image)
        jobs_s = {version: _train(namespace, version, page) for version in (GOOD, BAD)}
        figures = json.loads(_read(namespace, f"{GOOD}/training.json"))
        gate = {"goldenSet": _golden_set(_read(namespace, f"{GOOD}/held-out.jsonl")), "maxNdcgLoss": 0.0}
        products.apply(gate=gate)
        products.await_ready()
        with search.start_load(products.url, RATE) as requests:
            began = time.monotonic()
            products.apply(**_spec(GOOD), gate=gate)
            products.await_ready()
            rolled_s = time.monotonic() - began
            assert products.active_source().endswith(GOOD)
            products.apply(**_spec(BAD), gate=gate)
            refused = products.await_reason("ModelReady", "GateFailed", 280)
            assert products.active_source().endswith(GOOD)
            outcomes = requests.outcome()
        # Animals and stocks are not what the tuned model was trained on: its order of them is its own.
        failed = [each for each in failures(outcomes) if not each["failure"].startswith("wrong ranking")]
        assert failed == [], failed[:3]
        digests = {each["digest"] for each in outcomes}
        good = json.loads(_read(namespace, f"{GOOD}/manifest.json"))["digest"]
        assert digests == {figures["base_digest"], good}
        return {
            "difference_of_ndcg_at_10": figures["evaluation"]["comparisons"][0]["differences"]["ndcg_at_10"],
            "jobs_s": jobs_s,
            "rollout_s": round(rolled_s, 1),
            "requests": len(outcomes),
            "failed": 0,
            "refused": refused["message"],
        }


def _spec(version: str) -> dict[str, Any]:
    return {"model": {"source": f"pvc://{CLAIM}/{version}"}}


def _create_texts(namespace: Namespace, page: list[Block]) -> None:
    """The tutorial's files, as the ConfigMap that the Job mounts."""
    (texts,) = (block for block in page if block.language == "python")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", texts.text], cwd=folder, check=True)
        namespace.kubectl("create", "configmap", TEXTS, f"--from-file={folder}")


def _create_claim_and_reader(namespace: Namespace, image: str) -> None:
    claim = _sample("PersistentVolumeClaim")
    claim["spec"]["storageClassName"] = "shared"
    namespace.create(claim, _reader(image))
    namespace.kubectl("wait", "pod/reader", "--for=condition=Ready", "--timeout=120s")


def _train(namespace: Namespace, version: str, page: list[Block]) -> float:
    """Run the sample's Job with the tutorial's command for this version; gives the seconds that it took."""
    job = _sample("Job")
    job["metadata"]["name"] = f"finetune-{version}"
    pod = job["spec"]["template"]["spec"]
    pod["nodeSelector"] = {"kubernetes.io/hostname": NODES[0].name}
    (container,) = pod["containers"]
    container["image"] = TUNING_IMAGE
    container["args"] = _arguments(version, page)
    print(shlex.join(container["args"]), flush=True)  # noqa: T201 - minutes pass
    began = time.monotonic()
    namespace.create(job)
    name = job["metadata"]["name"]
    try:
        wait_until(lambda: _has_ended(namespace, name), f"the Job {name} has ended", JOB_LIMIT_S)
    finally:
        print(namespace.kubectl("logs", f"job/{name}", "--tail=60"), flush=True)  # noqa: T201
    assert namespace.get("job", name)["status"].get("succeeded") == 1
    return round(time.monotonic() - began, 1)


def _has_ended(namespace: Namespace, job: str) -> bool:
    conditions = namespace.get("job", job)["status"].get("conditions", [])
    return any(each["type"] in {"Complete", "Failed"} and each["status"] == "True" for each in conditions)


def _arguments(version: str, page: list[Block]) -> list[str]:
    """What the tutorial types, with the Job's places of its files."""
    (command,) = (
        command
        for block in page
        if block.language == "sh"
        for command in block.commands
        if command[:2] == ["bge-reranker", "finetune"] and version in command
    )
    places = {version: f"/tuning/{version}"}
    return [places.get(word, f"/texts/{word}" if word.endswith(".jsonl") else word) for word in command[1:]]


def _golden_set(text: str) -> str:
    """As many of the held-out queries as may stand in the resource."""
    kept, size = [], 0
    for line in text.splitlines():
        size += len(line.encode()) + 1
        if size > MAX_GOLDEN_SET_BYTES:
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def _read(namespace: Namespace, path: str) -> str:
    return namespace.kubectl("exec", "reader", "--", "cat", f"/tuning/{path}")


def _sample(kind: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = list(yaml.safe_load_all(SAMPLE.read_text(encoding="utf-8")))
    return next(each for each in found if each["kind"] == kind)


def _reader(image: str) -> dict[str, Any]:
    """A pod through which the claim's files are read."""
    container = {
        "name": "reader",
        "image": image,
        "command": ["python3", "-c", "import signal; signal.pause()"],
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
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reader"}, "spec": spec}
