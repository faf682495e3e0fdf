"""Weights are in the page cache when they are wanted; what cannot be read is nobody's trouble yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bge_reranker.settings import ModelSettings
from bge_reranker.store.read_ahead import read_ahead

from .models import model_files
from .test_folder import write_model

SIZE_BYTES = 20_000_000


def evict(path: Path) -> None:
    """Drop a file from the page cache, where its file system has a disk below it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def is_cached(path: Path, position: int) -> bool:
    """Whether a byte can be had without waiting for a disk."""
    with path.open("rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(1)], position, os.RWF_NOWAIT) == 1
        except BlockingIOError:
            return False


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = write_model(tmp_path / "model", model_files(SIZE_BYTES)) / "model.safetensors"
    evict(path)
    return path


def test_a_model_s_weights_are_read_before_it_is_loaded(weights: Path) -> None:
    read_ahead(ModelSettings(source=str(weights.parent)), {}).join()
    assert all(is_cached(weights, position) for position in range(0, SIZE_BYTES, 1_000_000))


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("spoil", ["no model", "a link to nothing"])
def test_what_cannot_be_read_ahead_is_left_to_the_load(tmp_path: Path, weights: Path, spoil: str) -> None:
    model = str(weights.parent)
    if spoil == "no model":
        model = str(tmp_path / "nothing")
    else:
        (weights.parent / "model-2.safetensors").symlink_to("nowhere")
    read_ahead(ModelSettings(source=model), {}).join()
