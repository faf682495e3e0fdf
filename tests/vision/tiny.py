"""Tiny dual encoders with random weights, and pictures for them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

SIDE = 16
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
WORDS = ["<pad>", "<unk>", "<start>", "<end>", "one", "two", "three", "red", "blue", "circle"]


def write_clip(folder: Path, **changes: Any) -> CLIPModel:
    model: CLIPModel = _write(folder, CLIPModel, CLIPConfig, {"projection_dim": 8}, changes)
    return model


def write_siglip(folder: Path, patch: int = 8) -> SiglipModel:
    model: SiglipModel = _write(folder, SiglipModel, SiglipConfig, {}, {}, patch)
    return model


def _write(folder: Path, kind: Any, config: Any, top: dict[str, Any], changes: dict[str, Any], patch: int = 8) -> Any:
    torch.manual_seed(3)
    tower = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = tower | {
        "vocab_size": len(WORDS), "max_position_embeddings": 12, "pad_token_id": 0, "bos_token_id": 2,
        "eos_token_id": 3, "projection_dim": 8, "projection_size": 8,
    }  # fmt: skip
    vision = tower | {"image_size": SIDE, "patch_size": patch, "projection_dim": 8}
    model = kind(config(text_config=text, vision_config=vision, **top)).eval()
    model.save_pretrained(folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 2), ("<end>", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    size = {"height": SIDE, "width": SIDE}
    processor = {"do_center_crop": False, "size": size, "image_mean": MEAN, "image_std": STD, "resample": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return model


def picture(seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def data_uri(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
