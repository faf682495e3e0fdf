"""What torch's allocator counts, from one that is played: there is no GPU here."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, generate_latest

from bge_reranker.observe.gpu_allocator import AllocatorMetrics, torch_stats

COUNTED = {
    "allocated_bytes.all.current": 600,
    "reserved_bytes.all.current": 1000,
    "inactive_split_bytes.all.current": 150,
    "num_alloc_retries": 2,
    "num_ooms": 1,
    "segment.all.current": 9,
}


def _shown(stats: Mapping[int, Mapping[str, int]], *, is_read: bool = True) -> list[str]:
    registry = CollectorRegistry()
    allocator = AllocatorMetrics(len(stats), registry, stats.__getitem__)
    if is_read:
        allocator.read()
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_what_is_in_use_reserved_and_between_pieces_is_shown_by_gpu() -> None:
    assert _shown({0: COUNTED, 1: {}}) == [
        'bge_reranker_gpu_allocator_bytes{gpu="0",state="allocated"} 600.0',
        'bge_reranker_gpu_allocator_bytes{gpu="0",state="reserved"} 1000.0',
        'bge_reranker_gpu_allocator_bytes{gpu="0",state="fragmented"} 150.0',
        'bge_reranker_gpu_allocator_flushes_total{gpu="0"} 2.0',
        'bge_reranker_gpu_allocator_failures_total{gpu="0"} 1.0',
    ]


def test_before_anything_was_read_nothing_is_shown() -> None:
    assert _shown({0: COUNTED}, is_read=False) == []


def test_a_machine_on_which_torch_used_no_gpu_is_not_made_to() -> None:
    assert torch_stats(0) == {}
