"""Objects that somebody made to be in the operator's way: they are in nobody else's."""

from __future__ import annotations

import json
from typing import Any

from reranker_operator.kinds import RERANKER
from tests.control_plane.operators import OperatorProcess
from tests.e2e.kubernetes import Namespace
from tests.e2e.operated import Operated

DEEPER_THAN_PYTHON_READS = 3000


def nested(namespace: Namespace, collection: str, body: dict[str, Any]) -> None:
    """Create an object whose managed fields nest thousands deep, as whoever may create it can."""
    deep = '{"f:a":' * DEEPER_THAN_PYTHON_READS + "{}" + "}" * DEEPER_THAN_PYTHON_READS
    entry = {"manager": "x", "operation": "Update", "apiVersion": body["apiVersion"], "time": "2026-01-01T00:00:00Z"}
    body["metadata"]["managedFields"] = [{**entry, "fieldsType": "FieldsV1", "fieldsV1": "DEEP"}]
    text = json.dumps(body).replace('"DEEP"', f'{{"f:metadata": {{"f:labels": {deep}}}}}')
    namespace.kubectl("create", f"--raw={collection}", "--filename=-", text_input=text)
    kept = namespace.cluster.kubectl("get", f"--raw={collection}/{body['metadata']['name']}")
    assert kept.count("f:a") >= DEEPER_THAN_PYTHON_READS, "the API server keeps them"


def test_objects_that_nest_thousands_deep_hide_no_other(
    working: OperatorProcess, products: Operated, namespace: Namespace
) -> None:
    labels = {"app.kubernetes.io/managed-by": "reranker-operator"}
    service = {"metadata": {"name": "deep", "labels": labels}, "spec": {"ports": [{"port": 80}]}}
    nested(
        namespace, f"/api/v1/namespaces/{namespace.name}/services", {"apiVersion": "v1", "kind": "Service", **service}
    )
    suspended = {"metadata": {"name": "deep"}, "spec": {"replicas": 1, "lifecycle": {"suspend": True}}}
    kind = {"apiVersion": RERANKER.api_version, "kind": RERANKER.name}
    nested(namespace, f"/apis/{RERANKER.api_version}/namespaces/{namespace.name}/rerankers", {**kind, **suspended})
    products.another("deep").await_reason("Ready", "Suspended", 60)
    products.apply()
    products.await_ready()
    working.stop()
    working.start_and_await_work()
    products.apply(replicas=1)
    products.await_ready()
    assert not working.has_ended
