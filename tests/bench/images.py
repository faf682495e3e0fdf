"""Pictures ranked from their files, beside transformers' own batched loop over the same checkpoint in one process."""

from __future__ import annotations

import base64
import io
import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from transformers import AutoImageProcessor, AutoTokenizer, CLIPConfig, CLIPModel

from bge_reranker.demo import demo_clip_directory
from bge_reranker.loading import load_model
from bge_reranker.ranking.request import RankRequest
from bge_reranker.settings import ModelSettings, Settings

from .against.ratios import median_ratio, turns

WANTED_RATIO = 1.0

_QUERY = "two red circles on a white background"
_PICTURES = 16
_SIZE = (320, 240)
_SIDE, _DEADLINE_S = 224, 600.0


def measure_images(folder: Path, rounds: int, console: Console) -> dict[str, Any]:
    """Rank pictures by ViT-B/32's shape and by the embedded dual encoder, in turns with transformers.

    Args:
        folder: Where the checkpoint of ViT-B/32's shape is kept.
        rounds: Pairs of turns.
        console: Where the result is shown.
    """
    contents = [_jpeg(seed) for seed in range(_PICTURES)]
    report: dict[str, Any] = {"pictures": _PICTURES, "picture_size": _SIZE}
    for name, checkpoint in (("ViT-B/32's shape", write_base_shape(folder)), ("demo-clip", demo_clip_directory())):
        with ThreadPoolExecutor(1) as executor:
            model = load_model(Settings(model=ModelSettings(source=str(checkpoint), device="cpu")), {}, executor)
            try:
                rankings: dict[str, Callable[[], Any]] = {
                    "this": partial(model.ranker.rank, _request(contents), _DEADLINE_S),
                    "other": _loop_of(checkpoint, contents),
                }
                seconds = _in_turns(rankings, rounds)
            finally:
                model.close()
        ratio = median_ratio([1 / took for took in seconds["this"]], [1 / took for took in seconds["other"]])
        report[name] = {
            "ms_per_picture": 1000 * float(np.median(seconds["this"])) / _PICTURES,
            "transformers_ms_per_picture": 1000 * float(np.median(seconds["other"])) / _PICTURES,
            "ratio": ratio.ratio,
            "low": ratio.low,
            "high": ratio.high,
        }
        console.print(
            f"Images: {name}, {_PICTURES} pictures a request: {report[name]['ms_per_picture']:.2f} ms a picture, "
            f"transformers' loop {report[name]['transformers_ms_per_picture']:.2f}; pictures/s {ratio} "
            f"(wanted: >= {WANTED_RATIO:g})"
        )
    return report


def _in_turns(rankings: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {"this": [], "other": []}
    for rank in rankings.values():
        rank()
    for pair in turns(rounds):
        for side in pair:
            began = time.perf_counter()
            rankings[side]()
            seconds[side].append(time.perf_counter() - began)
    return seconds


def _request(contents: list[bytes]) -> RankRequest:
    sources = (f"data:image/jpeg;base64,{base64.b64encode(content).decode()}" for content in contents)
    return RankRequest(_QUERY, [""] * len(contents), pictures=dict(enumerate(sources)))


def _loop_of(checkpoint: Path, contents: list[bytes]) -> Callable[[], Any]:
    """What one writes with transformers: open, process as one batch, run the model."""
    model: Any = CLIPModel.from_pretrained(checkpoint, dtype=torch.float32).eval()
    processor: Any = AutoImageProcessor.from_pretrained(checkpoint)
    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)

    def rank() -> Any:
        images = [Image.open(io.BytesIO(content)).convert("RGB") for content in contents]
        texts = tokenizer([_QUERY], return_tensors="pt", return_token_type_ids=False)
        with torch.inference_mode():
            return model(**texts, **processor(images=images, return_tensors="pt")).logits_per_text[0].numpy()

    return rank


def _jpeg(seed: int) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    written = io.BytesIO()
    Image.fromarray(coarse).resize(_SIZE, Image.Resampling.BICUBIC).save(written, "JPEG", quality=90)
    return written.getvalue()


def write_base_shape(folder: Path) -> Path:
    """Write a checkpoint of ViT-B/32's shape with random weights and the embedded tokenizer, unless it is there."""
    if (folder / "config.json").is_file():
        return folder
    torch.manual_seed(1)
    text = {"eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0}
    CLIPModel(CLIPConfig(text_config=text)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(demo_clip_directory() / name, folder)
    processor = json.loads((demo_clip_directory() / "preprocessor_config.json").read_text())
    processor |= {"size": {"shortest_edge": _SIDE}, "crop_size": {"height": _SIDE, "width": _SIDE}}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder
