"""What a model needs is compared with what there is before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from bge_reranker.errors import OutOfMemory
from bge_reranker.model.checkpoint.memory_need import BASE_BYTES, needed_bytes, refuse_too_large
from bge_reranker.model.checkpoint.tensor_files import open_tensors

MIB = 2**20
TABLE = "roberta.embeddings.word_embeddings.weight"


@pytest.mark.parametrize(
    ("mapped_forms", "expected"),
    [({"F16"}, 4 * MIB + MIB), ({"F32"}, 16 * MIB + 4 * MIB + MIB)],
    ids=["tables stay in their file", "tables are converted"],
)
def test_weights_are_counted_as_they_are_computed(tmp_path: Path, mapped_forms: set[str], expected: int) -> None:
    tensors: dict[str, np.ndarray[Any, Any]] = {
        TABLE: np.zeros((MIB, 4), np.float16),
        "layer.weight": np.zeros((1024, 1024), np.float16),
        "quantised.weight": np.zeros((1024, 1024), np.int8),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    with open_tensors([tmp_path / "model.safetensors"], "np") as files:
        assert needed_bytes(files, 4, {TABLE}, mapped_forms) == BASE_BYTES + expected


def test_a_model_that_cannot_fit_is_refused_with_the_numbers() -> None:
    with pytest.raises(OutOfMemory, match=r"105 MiB of memory on cuda:0 .* 64 MiB are free") as raised:
        refuse_too_large(105 * MIB, 64 * MIB, "model", "Buy more.", "cuda:0")
    assert raised.value.figures == {"needed_bytes": 105 * MIB, "free_bytes": 64 * MIB, "device": "cuda:0"}
    refuse_too_large(64 * MIB, 64 * MIB, "model", "")
    refuse_too_large(64 * MIB, None, "model", "")
