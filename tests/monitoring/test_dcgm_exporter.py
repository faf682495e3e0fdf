from __future__ import annotations

from typing import Any

from .dcgm_exporter import BusyShare, Gpu, exposition, gpus_of


def scorer(name: str, address: str = "198.18.0.9") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "search"}, "status": {"podIP": address} if address else {}}


def test_a_gpu_is_busy_for_as_long_as_batches_ran() -> None:
    now = iter([10.0, 14.0, 15.0, 15.0])
    shares = BusyShare(lambda: next(now))
    said = ["bge_reranker_batch_seconds_sum 100.0", "bge_reranker_batch_seconds_sum 101.0"]
    assert shares.of("a", said[0]) == 0.0, "there is nothing to compare with"
    assert shares.of("a", said[1]) == 0.25
    assert shares.of("a", said[0]) == 0.0, "its counter began anew"
    assert shares.of("a", said[1]) == 0.0, "no time has passed"


def test_only_scorers_that_answer_have_a_gpu() -> None:
    answers = {"http://198.18.0.9:8001/metrics": "bge_reranker_batch_seconds_sum 1\n"}
    pods = [scorer("pending", ""), scorer("silent", "198.18.0.8"), scorer("a")]
    found = list(gpus_of(pods, lambda url: answers.get(url, ""), BusyShare(lambda: 0.0)))
    assert [(gpu.namespace, gpu.pod) for gpu in found] == [("search", "a")]


def test_the_names_and_labels_are_the_exporter_s() -> None:
    lines = exposition([Gpu(0, "search", "a", 0.5)]).splitlines()
    assert next(line for line in lines if line.startswith("DCGM_FI_DEV_GPU_UTIL{")).endswith("} 50")
    (active,) = [line for line in lines if line.startswith("DCGM_FI_PROF_GR_ENGINE_ACTIVE{")]
    assert 'namespace="search",pod="a"' in active
    assert active.endswith("} 0.500000")
