"""Hashes of files, whole and sampled."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from bge_reranker.errors import CorruptFile
from bge_reranker.store.hashing import hash_file, hash_sample


@pytest.mark.parametrize("size_bytes", [0, 1, 262_143, 262_144, 262_145, 70_000_000])
def test_a_file_of_any_size_has_the_hash_of_its_bytes(tmp_path: Path, size_bytes: int) -> None:
    content = random.Random(size_bytes).randbytes(size_bytes)
    (tmp_path / "file").write_bytes(content)
    counted: list[int] = []
    found = hash_file(tmp_path / "file", counted.append)
    assert (found.size_bytes, found.sha256) == (size_bytes, hashlib.sha256(content).hexdigest())
    assert sum(counted) == size_bytes


def test_a_sample_sees_both_ends_and_small_files_have_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    content = bytearray(random.Random(1).randbytes(20_000_000))
    samples = set()
    for position in (None, 0, len(content) - 1):
        changed = bytearray(content)
        if position is not None:
            changed[position] ^= 1
        file.write_bytes(changed)
        samples.add(hash_sample(file))
    assert len(samples) == 3
    file.write_bytes(content[:1_000_000])
    assert hash_sample(file) is None


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match=r"nothing cannot be read: No such file"):
        hash_file(tmp_path / "nothing")
