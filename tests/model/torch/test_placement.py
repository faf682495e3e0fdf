from __future__ import annotations

import pytest
import torch

from bge_reranker.engine.scorer import ScorerOutOfMemory
from bge_reranker.errors import SettingsError
from bge_reranker.model.torch.memory_shortage import memory_shortage_reported
from bge_reranker.model.torch.placement import choose_placement
from bge_reranker.setting_texts import Device
from bge_reranker.settings import ModelSettings, PrecisionChoice


@pytest.mark.parametrize(
    ("device", "precision", "gpus", "expected"),
    [
        ("auto", "auto", 0, ("cpu", "float32")),
        ("auto", "auto", 2, ("cuda:0", "float16")),
        ("cuda:1", "bfloat16", 2, ("cuda:1", "bfloat16")),
        ("cpu", "auto", 2, ("cpu", "float32")),
    ],
)
def test_placement_resolves_auto(
    device: Device, precision: PrecisionChoice, gpus: int, expected: tuple[str, str]
) -> None:
    placement = choose_placement(ModelSettings(device=device, precision=precision), gpus)
    assert (str(placement.device), placement.precision.name) == expected


@pytest.mark.parametrize(
    ("device", "capability", "words"),
    [("cuda", (8, 6), "8.9 or newer; cuda:0 has 8.6"), ("auto", None, "8.9 or newer; cpu is none")],
)
def test_fp8_is_refused_by_name_where_the_device_cannot(
    device: Device, capability: tuple[int, int] | None, words: str
) -> None:
    settings = ModelSettings(device=device, precision="fp8")
    with pytest.raises(SettingsError, match=words) as refused:
        choose_placement(settings, 1 if capability else 0, lambda _: capability or (0, 0))
    assert "precision to auto" in str(refused.value.remedy)


@pytest.mark.parametrize("capability", [(8, 9), (9, 0), (12, 0)])
def test_fp8_is_placed_on_gpus_that_compute_it(capability: tuple[int, int]) -> None:
    placement = choose_placement(ModelSettings(device="cuda", precision="fp8"), 1, lambda _: capability)
    assert (placement.precision.name, placement.dtype) == ("fp8", torch.bfloat16)


@pytest.mark.parametrize(("device", "gpus"), [("cuda", 0), ("cuda:2", 2)])
def test_placement_is_refused_when_the_gpu_is_not_there(device: Device, gpus: int) -> None:
    with pytest.raises(SettingsError, match=device):
        choose_placement(ModelSettings(device=device), gpus)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_memory_shortage_is_reported_in_the_engines_word(error: Exception) -> None:
    with pytest.raises(ScorerOutOfMemory), memory_shortage_reported():
        raise error


def test_allocation_that_cannot_be_met_is_reported_as_memory_shortage() -> None:
    with pytest.raises(ScorerOutOfMemory), memory_shortage_reported():
        torch.empty(2**60, dtype=torch.uint8)


def test_other_errors_pass_the_memory_guard_unchanged() -> None:
    with pytest.raises(RuntimeError, match="shape mismatch"), memory_shortage_reported():
        raise RuntimeError("shape mismatch")
