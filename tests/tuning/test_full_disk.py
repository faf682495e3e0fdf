"""Volumes that take no more, by a limit of the process on the size of a file; and runs that would fill theirs."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bge_reranker.errors import DiskFull
from bge_reranker.tuning.failures import full_disk_reported
from bge_reranker.tuning.outlook import refuse_full_disk

LARGE = {"weight": torch.zeros(100_000)}


@pytest.fixture
def small_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize(
    "write",
    [
        lambda file: save_file(LARGE, file),
        lambda file: torch.save(LARGE, file),
        lambda file: file.write_bytes(bytes(100_000)),
    ],
    ids=["safetensors", "torch", "a plain file"],
)
def test_a_volume_that_takes_no_more_is_named_whoever_writes(tmp_path: Path, write: Callable[[Path], object]) -> None:
    with pytest.raises(DiskFull, match="no room is left") as caught, full_disk_reported(tmp_path):
        write(tmp_path / "file")
    assert "goes on from the last checkpoint" in caught.value.remedy


@pytest.mark.parametrize("error", [RuntimeError("another"), OSError(2, "No such file"), ValueError("no number")])
def test_what_else_goes_wrong_stays_what_it_is(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, full_disk_reported(tmp_path):
        raise error
    assert caught.value is error


def test_a_run_whose_checkpoints_would_fill_the_volume_is_refused_before_it_begins(tmp_path: Path) -> None:
    network: Any = torch.nn.Linear(2_000_000, 1_000_000, device="meta")

    with pytest.raises(DiskFull, match=r"Checkpoints and the model take up to 76,\d{3},\d{3} MiB in") as caught:
        refuse_full_disk(network, tmp_path / "absent" / ".work")
    assert "--lora-rank 16" in caught.value.remedy
    small: Any = torch.nn.Linear(2, 2)
    refuse_full_disk(small, tmp_path / ".work")
