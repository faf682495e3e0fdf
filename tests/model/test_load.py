from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bge_reranker.errors import SettingsError, WrongArchitecture
from bge_reranker.model.checkpoint.folder import Checkpoint
from bge_reranker.model.families.xlm_roberta import XlmRoberta
from bge_reranker.model.load import choose_runtime
from bge_reranker.settings import ModelSettings

from .checkpoint.test_folder import CONFIG


class TorchOnly(XlmRoberta):
    has_openvino_graph = False


def checkpoint(*, packed: bool = True, quantised: bool = False, has_graph: bool = True) -> Checkpoint:
    family = XlmRoberta() if has_graph else TorchOnly()
    geometry = family.read_geometry(CONFIG) if packed else None
    quantisation = {"quant_method": "bge-reranker-int8"} if quantised else None
    return Checkpoint(Path("model"), "X", CONFIG, (), geometry, "" if packed else "no packed network", quantisation)


def everything(_package: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("given", "flags", "gpus", "runtime"),
    [
        ({}, {}, 0, "openvino"),
        ({}, {}, 1, "torch"),
        ({}, {"device": "cpu"}, 1, "openvino"),
        ({}, {"device": "cuda:0"}, 1, "torch"),
        ({}, {"runtime": "torch"}, 0, "torch"),
        ({}, {"precision": "float16"}, 0, "torch"),
        ({"packed": False}, {}, 0, "torch"),
        ({"has_graph": False}, {}, 0, "torch"),
        ({}, {"bodies": "plain"}, 0, "torch"),
        ({"quantised": True}, {}, 0, "openvino"),
        ({"quantised": True}, {"precision": "int8"}, 0, "openvino"),
    ],
)
def test_runtime_follows_from_device_precision_and_architecture(
    given: dict[str, bool], flags: dict[str, Any], gpus: int, runtime: str
) -> None:
    assert choose_runtime(checkpoint(**given), ModelSettings(**flags), gpus, everything) == runtime


def test_torch_serves_the_cpu_when_openvino_is_not_installed() -> None:
    assert choose_runtime(checkpoint(), ModelSettings(), 0, lambda package: package == "torch") == "torch"


@pytest.mark.parametrize(
    ("given", "flags", "gpus", "installed", "words"),
    [
        ({}, {}, 0, set(), r"bge-reranker\[torch\]"),
        ({}, {"runtime": "openvino"}, 0, {"torch"}, r"bge-reranker\[cpu\]"),
        ({"packed": False}, {}, 0, {"openvino"}, r"no packed network.*bge-reranker\[torch\]"),
        ({"packed": False}, {"runtime": "openvino"}, 0, {"openvino", "torch"}, "runtime is openvino"),
        ({"has_graph": False}, {"runtime": "openvino"}, 0, {"openvino", "torch"}, "X has no OpenVINO graph"),
        ({}, {"precision": "int8"}, 0, {"openvino"}, "quantise"),
    ],
)
def test_what_is_missing_or_contradictory_is_refused_with_the_remedy(
    given: dict[str, bool], flags: dict[str, Any], gpus: int, installed: set[str], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        choose_runtime(checkpoint(**given), ModelSettings(**flags), gpus, installed.__contains__)
    assert re.search(words, caught.value.sentence())


@pytest.mark.parametrize("flags", [{"device": "cuda:0"}, {"precision": "float32"}, {"runtime": "torch"}])
def test_quantised_checkpoint_is_refused_where_it_cannot_run(flags: dict[str, Any]) -> None:
    with pytest.raises(WrongArchitecture, match="quantised to int8"):
        choose_runtime(checkpoint(quantised=True), ModelSettings(**flags), 1, everything)
