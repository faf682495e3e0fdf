"""Which files of a checkpoint are its weights: the order of transformers, and what is refused before it is fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bge_reranker.checkpoint_files import MAX_INDEX_BYTES, Weights, choose_weights, weights_in
from bge_reranker.errors import CorruptFile, UnsafeFormat

SHARDS = ("model-1.safetensors", "model-2.safetensors")
INDEX = json.dumps({"weight_map": {"a": SHARDS[0], "b": SHARDS[1], "c": SHARDS[0]}}).encode()
PICKLED_INDEX = json.dumps({"weight_map": {"a": "part-1.bin", "b": "part-2.bin"}}).encode()

SINGLE = Weights(("model.safetensors",), None, is_pickled=False)
SHARDED = Weights(SHARDS, "model.safetensors.index.json", is_pickled=False)

CHOICES: dict[str, tuple[Mapping[str, bytes], Weights]] = {
    "one file": ({"model.safetensors": b""}, SINGLE),
    "one file beside another variant": ({"model.safetensors": b"", "model.fp16.safetensors": b""}, SINGLE),
    "one file beside shards": ({"model.safetensors": b"", "model.safetensors.index.json": INDEX}, SINGLE),
    "one file beside pickles": ({"model.safetensors": b"", "pytorch_model.bin": b""}, SINGLE),
    "shards": ({"model.safetensors.index.json": INDEX, **dict.fromkeys(SHARDS, b"")}, SHARDED),
    "shards and one that the index does not name": (
        {"model.safetensors.index.json": INDEX, **dict.fromkeys((*SHARDS, "model-3.safetensors"), b"")},
        SHARDED,
    ),
    "a pickle beside an adapter": (
        {"pytorch_model.bin": b"", "adapter_model.safetensors": b""},
        Weights(("pytorch_model.bin",), None, is_pickled=True),
    ),
    "shards of pickles": (
        {"pytorch_model.bin.index.json": PICKLED_INDEX, "part-1.bin": b"", "part-2.bin": b""},
        Weights(("part-1.bin", "part-2.bin"), "pytorch_model.bin.index.json", is_pickled=True),
    ),
}


@pytest.mark.parametrize("kind", CHOICES)
def test_weights_are_chosen_as_transformers_does(kind: str) -> None:
    files, expected = CHOICES[kind]
    assert choose_weights(files, lambda name: files[name], "the place") == expected


def index_of(weight_map: object) -> dict[str, bytes]:
    return {"model.safetensors.index.json": json.dumps({"weight_map": weight_map}).encode()}


REFUSED: dict[str, tuple[Mapping[str, bytes], str]] = {
    "nothing": ({"config.json": b"{}"}, r"neither model\.safetensors nor model\.safetensors\.index\.json is there\."),
    "another variant": ({"model.fp16.safetensors": b""}, r"model\.fp16\.safetensors, which is not loaded"),
    "another program's": ({"tf_model.h5": b"", "flax_model.msgpack": b""}, r"flax_model\.msgpack, tf_model\.h5"),
    "shards without an index": (dict.fromkeys(SHARDS, b""), r"model-1\.safetensors, model-2\.safetensors"),
    "a shard missing": (
        {"model.safetensors.index.json": INDEX, SHARDS[0]: b""},
        r"lacks 1 of the 2 files that model\.safetensors\.index\.json names: model-2\.safetensors",
    ),
    "a shard of pickles missing": (
        {"pytorch_model.bin.index.json": PICKLED_INDEX, "part-1.bin": b""},
        r"lacks 1 of the 2 files that pytorch_model\.bin\.index\.json names: part-2\.bin",
    ),
    "an index that leads out": (index_of({"a": "../x.safetensors"}), "no .safetensors file beside it"),
    "an index that leads to pickles": (index_of({"a": "x.bin"}), "no .safetensors file beside it"),
    "an index that names no files": (index_of({"a": 1}), "a value that is no file's name"),
    "an empty index": (index_of({}), "weight_map is empty"),
    "an index that is a list": ({"model.safetensors.index.json": b"[]"}, "no JSON object with weight_map"),
    "an index of 100,000 levels": ({"model.safetensors.index.json": b"[" * 100_000}, "no JSON object with weight_map"),
    "an index beyond measure": ({"model.safetensors.index.json": bytes(MAX_INDEX_BYTES + 1)}, "larger than an index"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_not_be_loaded_is_refused_by_name(kind: str) -> None:
    files, words = REFUSED[kind]
    with pytest.raises(CorruptFile, match=words):
        choose_weights(files, lambda name: files[name], "the place")


def test_pickles_are_refused_unless_somebody_converts_them(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UnsafeFormat, match=r"pytorch_model\.bin"):
        weights_in(tmp_path)
    assert weights_in(tmp_path, allow_pickle=True).is_pickled


def test_an_index_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_bytes(b"\xef\xbb\xbf" + INDEX)
    for name in SHARDS:
        (tmp_path / name).write_bytes(b"")
    assert weights_in(tmp_path) == SHARDED
