from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bge_reranker.errors import CorruptFile, MissingHead, ModelError
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import ModelSettings

from ..checkpoints import packed_model, save

CPU = ModelSettings(device="cpu", threads=1)
Tensors = dict[str, Tensor]


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tensors]:
    directory = save(packed_model("xlm-roberta"), tmp_path_factory.mktemp("original"))
    return directory, load_file(directory / "model.safetensors")


def changed(tensors: tuple[Path, Tensors], directory: Path, change: Callable[[Tensors], object]) -> Path:
    copied = dict(tensors[1])
    change(copied)
    (directory / "config.json").write_bytes((tensors[0] / "config.json").read_bytes())
    save_file(copied, directory / "model.safetensors")
    return directory


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: t.pop("classifier.out_proj.weight"), MissingHead, r"classifier\.out_proj\.weight"),
        (lambda t: [t.pop(name) for name in list(t) if "classifier" in name], MissingHead, "no classification head"),
        (lambda t: t.pop("roberta.encoder.layer.1.output.dense.bias"), CorruptFile, r"layer\.1\.output\.dense\.bias"),
        (lambda t: t.update({"lm_head.bias": torch.zeros(3)}), CorruptFile, r"lm_head\.bias"),
        (lambda t: t.update({"roberta.encoder.layer.3.output.dense.bias": torch.zeros(32)}), CorruptFile, r"layer\.3"),
        (lambda t: t.update({"classifier.dense.bias": torch.zeros(31)}), CorruptFile, r"\(31,\)"),
        (lambda t: t.update({"classifier.dense.bias": torch.zeros(1, 32)}), CorruptFile, r"\(1, 32\)"),
        (lambda t: t.update({"classifier.dense.bias": torch.zeros(32, dtype=torch.int8)}), CorruptFile, "I8"),
        (lambda t: t.update({"classifier.dense.bias": torch.zeros(32, dtype=torch.float64)}), CorruptFile, "F64"),
    ],
)
def test_weights_are_refused_by_name_with_a_remedy(
    tmp_path: Path,
    tensors: tuple[Path, Tensors],
    change: Callable[[Tensors], object],
    error: type[ModelError],
    words: str,
) -> None:
    with pytest.raises(error, match=words) as caught:
        load_scorer(changed(tensors, tmp_path, change), CPU)
    assert type(caught.value) is error
    assert caught.value.remedy


def test_weights_of_a_bare_encoder_are_refused_for_their_missing_head(
    tmp_path: Path, tensors: tuple[Path, Tensors]
) -> None:
    def strip(copied: Tensors) -> None:
        for name in list(copied):
            tensor = copied.pop(name)
            if name.startswith("roberta."):
                copied[name.removeprefix("roberta.")] = tensor

    with pytest.raises(MissingHead):
        load_scorer(changed(tensors, tmp_path, strip), CPU)


@pytest.mark.parametrize("kept_share", [0.0, 0.5, 0.99])
def test_weights_are_corrupt_when_the_file_is_cut_short(
    tmp_path: Path, tensors: tuple[Path, Tensors], kept_share: float
) -> None:
    path = changed(tensors, tmp_path, lambda _: None) / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept_share)])
    with pytest.raises(CorruptFile, match=r"model\.safetensors"):
        load_scorer(tmp_path, CPU)


def test_weights_may_hold_buffers_and_poolers_that_nothing_reads(tmp_path: Path, tensors: tuple[Path, Tensors]) -> None:
    def add(copied: Tensors) -> None:
        copied["roberta.embeddings.position_ids"] = torch.arange(80)[None]
        copied["roberta.pooler.dense.weight"] = torch.zeros(32, 32)
        copied["roberta.pooler.dense.bias"] = torch.zeros(32)

    assert load_scorer(changed(tensors, tmp_path, add), CPU).description.packed


def test_weights_are_corrupt_when_two_shards_hold_the_same_tensor(tmp_path: Path) -> None:
    save(packed_model("bert"), tmp_path, max_shard_size="20KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    doubled = load_file(shards[0]) | load_file(shards[1])
    save_file(doubled, shards[0])
    with pytest.raises(CorruptFile, match="expected it once"):
        load_scorer(tmp_path, CPU)
