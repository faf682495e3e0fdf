"""Pickled weights: converted without running anything in them."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typing_extensions import override

from bge_reranker.errors import CorruptFile, UnsafeFormat
from bge_reranker.model.torch.pickles import convert_folder
from tests.store.models import fetch, fetcher


def test_tensors_that_share_memory_survive_apart(tmp_path: Path) -> None:
    whole = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    torch.save({"a": whole, "b": whole, "part": whole[1:], "turned": whole.T}, tmp_path / "pytorch_model.bin")
    convert_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    loaded = load_file(tmp_path / "model.safetensors")
    assert torch.equal(loaded["b"], whole)
    assert torch.equal(loaded["part"], whole[1:])
    assert torch.equal(loaded["turned"], whole.T)


@pytest.mark.parametrize("is_zip", [True, False])
def test_both_forms_of_pickles_are_read(tmp_path: Path, *, is_zip: bool) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=is_zip)
    convert_folder(tmp_path)
    assert torch.equal(load_file(tmp_path / "model.safetensors")["a"], torch.ones(2))


def test_the_index_of_shards_is_converted_too(tmp_path: Path) -> None:
    for number in (1, 2):
        torch.save({f"t{number}": torch.ones(number)}, tmp_path / f"pytorch_model-0000{number}-of-00002.bin")
    weight_map = {f"t{number}": f"pytorch_model-0000{number}-of-00002.bin" for number in (1, 2)}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    convert_folder(tmp_path)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["weight_map"] == {f"t{number}": f"model-0000{number}-of-00002.safetensors" for number in (1, 2)}
    assert all((tmp_path / name).is_file() for name in index["weight_map"].values())
    assert not list(tmp_path.glob("pytorch_model*"))


class Trap:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @override
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder / "sprung"),)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(tmp_path: Path, *, is_zip: bool) -> None:
    file = tmp_path / "pytorch_model.bin"
    if is_zip:
        torch.save({"a": Trap(tmp_path)}, file)
    else:
        file.write_bytes(pickle.dumps({"a": Trap(tmp_path)}, protocol=2))
    with pytest.raises(UnsafeFormat, match=r"was not run: unsupported [A-Za-z0-9_.: ]+[.]$") as raised:
        convert_folder(tmp_path)
    assert "weights_only" not in raised.value.sentence()
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_model.bin"]


@pytest.mark.parametrize("content", [b"", b"no pickle", b"PK\x03\x04 half"])
def test_a_broken_pickle_is_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(content)
    with pytest.raises((CorruptFile, UnsafeFormat)):
        convert_folder(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        {"a": 1},
        {1: torch.ones(2)},
        {"a": torch.eye(2).to_sparse()},
        {"a": torch.ones(2, device="meta")},
        {"a": {"b": torch.ones(2)}},
        [torch.ones(2)],
    ],
    ids=["a number", "a numbered tensor", "a sparse tensor", "a tensor without numbers", "a table", "a list"],
)
@pytest.mark.filterwarnings("ignore:Validating sparse tensor")  # torch's word on the sparse one
def test_what_is_no_table_of_tensors_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(UnsafeFormat, match="more than a table of tensors"):
        convert_folder(tmp_path)


def test_a_fetch_that_allows_pickles_keeps_safetensors_alone(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    torch.save({"a": torch.ones(2)}, folder / "pytorch_model.bin")
    with pytest.raises(UnsafeFormat, match="pickles only"):
        fetch(tmp_path / "store", str(folder))
    fetching = fetcher(tmp_path / "store", str(folder), allow_pickle=True)
    fetching._convert = convert_folder
    fetched = fetching.fetch()
    assert [entry.path for entry in fetched.manifest.files] == ["config.json", "model.safetensors"]
    assert not list(fetched.version.path.glob("*.bin"))
