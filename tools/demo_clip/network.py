"""The untrained network, its tokenizer and its image processor, as transformers know them."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from transformers import CLIPConfig, CLIPModel

from .pictures import SIZE
from .scenes import WORDS

TEXT_TOKENS = 16
"""Longest caption in tokens, both ends included."""

_SPECIAL = ("<pad>", "<unk>", "<start>", "<end>")
_PAD, _UNKNOWN, _START, _END = range(4)

IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)
"""What CLIP's image processor subtracts from each channel. Source: transformers' OPENAI_CLIP_MEAN."""

IMAGE_STD = (0.26862954, 0.26130258, 0.27577711)
"""What it divides by. Source: transformers' OPENAI_CLIP_STD."""


def new_model() -> CLIPModel:
    """Make the network with random weights."""
    tower = {"num_attention_heads": 4, "hidden_act": "gelu"}
    return CLIPModel(
        CLIPConfig(
            text_config={
                "vocab_size": len(_SPECIAL) + len(WORDS),
                "hidden_size": 64,
                "intermediate_size": 128,
                "num_hidden_layers": 1,
                "max_position_embeddings": TEXT_TOKENS,
                "pad_token_id": _PAD,
                "bos_token_id": _START,
                "eos_token_id": _END,
                "projection_dim": 64,
                **tower,
            },
            vision_config={
                "hidden_size": 96,
                "intermediate_size": 192,
                "num_hidden_layers": 3,
                "image_size": SIZE,
                "patch_size": 8,
                "projection_dim": 64,
                **tower,
            },
            projection_dim=64,
        )
    )


def new_tokenizer() -> Tokenizer:
    """Make the tokenizer: one token for each word that captions have."""
    vocabulary = {word: index for index, word in enumerate((*_SPECIAL, *WORDS))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.add_special_tokens(list(_SPECIAL))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", _START), ("<end>", _END)]
    )
    return tokenizer


def save(model: CLIPModel, folder: Path, calibration: dict[str, dict[str, float]]) -> None:
    """Write the model as a folder that transformers and the server load; weights in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"pair_calibration": calibration}, indent=2) + "\n")
    tokenizer = new_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "pad_token": "<pad>",
                "unk_token": "<unk>",
                "bos_token": "<start>",
                "eos_token": "<end>",
                "model_max_length": TEXT_TOKENS,
            },
            indent=2,
        )
        + "\n"
    )
    (folder / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "image_processor_type": "CLIPImageProcessor",
                "do_resize": True,
                "size": {"shortest_edge": SIZE},
                "do_center_crop": True,
                "crop_size": {"height": SIZE, "width": SIZE},
                "do_rescale": True,
                "do_normalize": True,
                "image_mean": list(IMAGE_MEAN),
                "image_std": list(IMAGE_STD),
                "resample": 3,
            },
            indent=2,
        )
        + "\n"
    )
