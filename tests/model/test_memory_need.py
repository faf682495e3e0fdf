from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bge_reranker.errors import OutOfMemory
from bge_reranker.model.arrays import StoredTensor
from bge_reranker.model.memory_need import BASE_BYTES, granted_bytes, needed_bytes, refuse_too_large

MIB = 2**20
TENSORS = {
    "roberta.embeddings.word_embeddings.weight": StoredTensor(np.zeros((MIB, 4), np.float16), "F16"),
    "layer.weight": StoredTensor(np.zeros((1024, 1024), np.float16), "F16"),
    "quantised.weight": StoredTensor(np.zeros((1024, 1024), np.int8), "I8"),
}


def machine(folder: Path, available_kib: int, limit: str = "max", used: int = 0, cached: int = 0) -> tuple[Path, Path]:
    (folder / "memory.max").write_text(limit)
    (folder / "memory.current").write_text(str(used))
    (folder / "memory.stat").write_text(f"anon 5\nfile {cached}\n")
    meminfo = folder / "meminfo"
    meminfo.write_text(f"MemTotal: 1 kB\nMemAvailable:  {available_kib} kB\n")
    return folder, meminfo


def test_weights_are_counted_as_they_are_computed_and_embeddings_stay_in_their_file() -> None:
    assert needed_bytes(TENSORS) == BASE_BYTES + 4 * MIB + MIB


def test_granted_memory_is_the_machine_s_or_what_the_cgroup_leaves_with_its_cache_free(tmp_path: Path) -> None:
    assert granted_bytes(*machine(tmp_path, 1024)) == MIB
    assert granted_bytes(*machine(tmp_path, 1024, str(900_000), 600_000, 200_000)) == 500_000
    assert granted_bytes(tmp_path / "absent", tmp_path / "absent") is None


def test_model_that_cannot_fit_is_refused_with_the_numbers(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory, match=r"105 MiB.*64 MiB are free"):
        refuse_too_large(TENSORS, "model", *machine(tmp_path, 64 * 1024))
    refuse_too_large(TENSORS, "model", *machine(tmp_path, 4096 * 1024))
