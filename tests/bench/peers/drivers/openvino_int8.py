"""The best bare loop one could write with a public runtime: OpenVINO, static int8 by NNCF, tokens ready, sorted.

OpenVINO's default options: all cores for one call, floating-point parts in what it prefers on this processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.bench.peers.drivers.driving import Request, Score, drive

BATCH_PAIRS = 4
"""Fastest where it was tried: 1, 4 and 16."""

_CALIBRATION_REQUESTS = 2
_MAX_TOKENS = 512


def load(folder: Path, requests: list[Request], kept: Path) -> Score:
    tokens, core, file = _tokenised(folder, requests), openvino.Core(), kept / "model.xml"
    if not file.exists():
        openvino.save_model(_quantised(folder, tokens), file)
    request = core.compile_model(file, "CPU").create_infer_request()

    def score(numbers: Sequence[int]) -> list[float]:
        pairs = [pair for number in numbers for pair in tokens[number]]
        logits = np.empty(len(pairs))
        order = sorted(range(len(pairs)), key=lambda index: len(pairs[index]))
        for start in range(0, len(order), BATCH_PAIRS):
            batch = order[start : start + BATCH_PAIRS]
            logits[batch] = request.infer(_inputs([pairs[index] for index in batch]), share_inputs=True)[0][:, 0]
        return [float(value) for value in logits]

    return score


def _quantised(folder: Path, tokens: list[list[list[int]]]) -> openvino.Model:
    model = AutoModelForSequenceClassification.from_pretrained(folder).train(mode=False)
    example = torch.tensor(tokens[0][0])[None]
    converted = openvino.convert_model(
        model, example_input={"input_ids": example, "attention_mask": torch.ones_like(example)}
    )
    calibration = [_inputs([pair]) for request in tokens[:_CALIBRATION_REQUESTS] for pair in request]
    quantised: openvino.Model = nncf.quantize(
        converted,
        nncf.Dataset(calibration),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(calibration),
    )
    return quantised


def _tokenised(folder: Path, requests: list[Request]) -> list[list[list[int]]]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return [
        [
            tokenizer(request["query"], document, truncation=True, max_length=_MAX_TOKENS)["input_ids"]
            for document in request["documents"]
        ]
        for request in requests
    ]


def _inputs(pairs: list[list[int]]) -> dict[str, NDArray[Any]]:
    longest = max(map(len, pairs))
    tokens = np.ones((len(pairs), longest), dtype=np.int64)
    mask = np.zeros_like(tokens)
    for row, pair in enumerate(pairs):
        tokens[row, : len(pair)] = pair
        mask[row, : len(pair)] = 1
    return {"input_ids": tokens, "attention_mask": mask}


if __name__ == "__main__":
    drive(load)
