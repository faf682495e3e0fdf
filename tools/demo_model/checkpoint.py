"""The finished checkpoint folder: weights, configuration, tokenizer."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import XLMRobertaForSequenceClassification

from demo_model.tokenizer import save_tokenizer

MAX_BYTES = 20_000_000
"""Largest size of the whole folder: it is committed and lies in the wheel."""


def save_checkpoint(network: XLMRobertaForSequenceClassification, tokenizer: Tokenizer, directory: Path) -> None:
    """Writes the checkpoint in float16, as `transformers` lays it out.

    Args:
        network: The trained network.
        tokenizer: Its tokenizer.
        directory: Where to; created if missing, files of the same names are replaced.

    Raises:
        ValueError: A weight does not fit float16, or the folder grew beyond `MAX_BYTES`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    halves = {name: value.detach().to(torch.float16).contiguous() for name, value in network.state_dict().items()}
    halves.pop("roberta.embeddings.position_ids", None)
    if not all(bool(torch.isfinite(value).all()) for value in halves.values()):
        raise ValueError("a weight does not fit float16")
    save_file(halves, directory / "model.safetensors", metadata={"format": "pt"})
    # Written by hand: both the old key `torch_dtype` and the new one `dtype` are read by some release in use.
    config = network.config.to_dict() | {"torch_dtype": "float16", "dtype": "float16"}
    config.pop("transformers_version", None)
    text = json.dumps(config, indent=2, sort_keys=True)
    (directory / "config.json").write_text(text + "\n", encoding="utf-8")
    save_tokenizer(tokenizer, directory)
    size = folder_bytes(directory)
    if size > MAX_BYTES:
        raise ValueError(f"{directory} holds {size} bytes, more than {MAX_BYTES}")


def folder_bytes(directory: Path) -> int:
    """Adds up the sizes of a folder's files."""
    return int(np.sum([path.stat().st_size for path in directory.rglob("*") if path.is_file()]))
