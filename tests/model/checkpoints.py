"""Tiny random checkpoints, made in code with transformers, which is also the reference they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from bge_reranker.engine.batch import Pair

VOCABULARY_SIZE = 97
MAX_POSITIONS = 80

PACKED_CONFIGS: dict[str, Callable[..., transformers.PreTrainedConfig]] = {
    "xlm-roberta": transformers.XLMRobertaConfig,
    "roberta": transformers.RobertaConfig,
    "bert": transformers.BertConfig,
}
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY_SIZE,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": MAX_POSITIONS,
}
"""Sizes under names that every configuration class understands."""


def packed_model(
    family: str, *, seed: int = 0, scale: float = 1.0, **overrides: object
) -> transformers.PreTrainedModel:
    """Make a random model of one of the three families.

    Args:
        family: A key of `PACKED_CONFIGS`.
        seed: Seed of the weights.
        scale: Factor on the head's last weight, by which logits spread.
        overrides: Fields of the configuration.
    """
    types = 2 if family == "bert" else 1
    pad = 0 if family == "bert" else 1
    fields = {**SIZES, "type_vocab_size": types, "pad_token_id": pad, "num_labels": 1, **overrides}
    return sequence_classifier(PACKED_CONFIGS[family](**fields), seed=seed, scale=scale)


def sequence_classifier(
    config: transformers.PreTrainedConfig, *, seed: int = 0, scale: float = 1.0
) -> transformers.PreTrainedModel:
    """Make a random one-logit classifier whose weights are large enough to tell layers and tokens apart."""
    torch.manual_seed(seed)
    build = transformers.AutoModelForSequenceClassification.from_config
    model: transformers.PreTrainedModel = build(config)  # type: ignore[no-untyped-call] # transformers left it untyped
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 or "norm" in name.lower():
                parameter.add_(torch.randn_like(parameter) * 0.1)
            else:
                parameter.copy_(torch.randn_like(parameter) * (0.7 / parameter.shape[-1] ** 0.5))
        last_product(model).weight.mul_(scale)
    model.train(mode=False)
    return model


def last_product(model: transformers.PreTrainedModel) -> torch.nn.Linear:
    """Find the linear layer that gives the logit."""
    (found,) = (
        module for module in model.modules() if isinstance(module, torch.nn.Linear) and module.out_features == 1
    )
    return found


def save(model: transformers.PreTrainedModel, directory: Path, max_shard_size: str = "1GB") -> Path:
    """Write a checkpoint as its users would."""
    model.save_pretrained(directory, max_shard_size=max_shard_size)
    return directory


def random_pairs(lengths: Sequence[int], *, seed: int = 0, segment_types: int = 1) -> list[Pair]:
    """Make pairs of random text tokens; with two segments the second half of each pair is in the second."""
    generator = np.random.default_rng(seed)
    pairs = []
    for length in lengths:
        types = np.zeros(length, dtype=np.int8)
        types[length // 2 :] = segment_types - 1
        pairs.append(Pair(generator.integers(3, VOCABULARY_SIZE, length, dtype=np.int32), types))
    return pairs


def padded_reference(model: transformers.PreTrainedModel, pairs: Sequence[Pair], *, types: bool) -> NDArray[np.float32]:
    """Score with transformers, all pairs padded to the longest: float32 (N,)."""
    longest = max(map(len, pairs))
    tokens = torch.full((len(pairs), longest), model.config.pad_token_id or 0)
    segments, mask = torch.zeros_like(tokens), torch.zeros_like(tokens)
    for row, pair in enumerate(pairs):
        tokens[row, : len(pair)] = torch.from_numpy(pair.tokens.astype(np.int64))
        segments[row, : len(pair)] = torch.from_numpy(pair.types.astype(np.int64))
        mask[row, : len(pair)] = 1
    inputs = {"input_ids": tokens, "attention_mask": mask, **({"token_type_ids": segments} if types else {})}
    with torch.inference_mode():
        logits: NDArray[np.float32] = model(**inputs).logits[:, 0].float().numpy()
    return logits


def spread_logits(model: transformers.PreTrainedModel, pairs: Sequence[Pair], *, types: bool, units: float) -> None:
    """Scale the head so that the reference logits of the pairs span the given number of units."""
    span = float(np.ptp(padded_reference(model, pairs, types=types)))
    with torch.no_grad():
        last_product(model).weight.mul_(units / span)
