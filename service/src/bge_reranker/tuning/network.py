"""The network that is trained: read in float32, with adapters where they are asked for, and written as its base was."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from sentence_transformers import CrossEncoder
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from ..checkpoint_files import weights_in
from ..errors import WrongArchitecture
from ..model.checkpoint.folder import Checkpoint
from ..model.families.dual import DUAL_ARCHITECTURES
from ..store.manifest import MANIFEST_FILE

_LORA_ALPHA = 2
"""Adapters count this many times their rank, as is usual."""

_LORA_DROPOUT = 0.05
_WEIGHTS = frozenset({".safetensors", ".bin"})
_OWN_FILES = frozenset({"README.md", MANIFEST_FILE, "model.safetensors.index.json"})
"""Files of the base that say what the base is."""

_READABLE = 0o644
_FORMS = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def refuse_untrainable(checkpoint: Checkpoint) -> None:
    """Refuse a base that cannot be trained.

    Raises:
        WrongArchitecture: If it is quantised, or no cross-encoder.
    """
    if checkpoint.quantisation is not None:
        raise WrongArchitecture(
            f"{checkpoint.directory} is quantised, and such weights cannot be trained.",
            remedy="Give the floating-point model that it was made from, and quantise the result.",
        )
    if checkpoint.architecture in DUAL_ARCHITECTURES:
        raise WrongArchitecture(
            f"{checkpoint.directory} is a dual encoder ({checkpoint.architecture}); cross-encoders are trained here.",
            remedy="Give a cross-encoder as --base, for example BAAI/bge-reranker-large.",
        )


def load_network(checkpoint: Checkpoint, *, max_tokens: int, lora_rank: int, seed: int) -> CrossEncoder:
    """Read a base model for training.

    Args:
        checkpoint: The base.
        max_tokens: Longest pair; the tokenizer's own limit holds besides.
        lora_rank: Rank of adapters on every linear layer; 0 trains all weights.
        seed: Of the adapters' first weights.
    """
    transformers_logging.disable_progress_bar()
    network: CrossEncoder = CrossEncoder(
        str(checkpoint.directory),
        model_kwargs={"dtype": torch.float32},
        local_files_only=True,
        activation_fn=nn.Identity(),
    )
    network.max_seq_length = min(max_tokens, network.max_seq_length or max_tokens)
    if lora_rank:
        torch.manual_seed(seed)
        _add_adapters(inner(network), lora_rank)
    return network


def inner(network: CrossEncoder) -> PreTrainedModel:
    """The transformers model inside."""
    model = network.transformers_model
    if not isinstance(model, PreTrainedModel):
        raise TypeError("a sequence classifier has a transformers model; this is a bug")
    return model


def parameters(network: CrossEncoder) -> tuple[int, int]:
    """Numbers of all weights and of those that are trained."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in network.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, is_trained in sizes if is_trained)


def write_network(network: CrossEncoder, base: Checkpoint, folder: Path) -> None:
    """Write what was trained, in the number format of its base and with the very files of its base beside the weights.

    Args:
        network: What was trained; adapters are merged into it.
        base: What it was read from.
        folder: An empty folder.

    Raises:
        OverflowError: If a weight does not fit the format, or is not finite.
    """
    model = inner(network)
    _merge_adapters(model)
    form = _FORMS.get(str(base.config.get("dtype") or base.config.get("torch_dtype")), torch.float32)
    nn.Module.to(model, form)
    if not all(bool(torch.isfinite(weight).all()) for weight in model.state_dict().values()):
        raise OverflowError("a weight is not finite in the base's number format")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        model.save_pretrained(scratch)
        for name in weights_in(Path(scratch)).names:
            (Path(scratch) / name).rename(folder / name)
            # The library lets nobody else read it, and a pod that serves may be another user.
            (folder / name).chmod(_READABLE)
    for path in sorted(base.directory.iterdir()):
        if path.is_file() and path.suffix not in _WEIGHTS and path.name not in _OWN_FILES:
            shutil.copyfile(path, folder / path.name)


def _add_adapters(model: PreTrainedModel, rank: int) -> None:
    body = f"{model.base_model_prefix}."
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and name.startswith(body)]
    config = LoraConfig(r=rank, lora_alpha=_LORA_ALPHA * rank, lora_dropout=_LORA_DROPOUT, target_modules=names)
    with warnings.catch_warnings():
        # It asks for a task type, which only a wrapper of its own would use.
        warnings.simplefilter("ignore")
        model.add_adapter(config)
    for name, parameter in model.named_parameters():
        # The head is small, and what tells relevant from not.
        if not name.startswith(body):
            parameter.requires_grad_(True)


def _merge_adapters(model: PreTrainedModel) -> None:
    """Add adapters to the weights that they adapt, and take them out."""
    adapters = list(_adapters(model))
    for name, layer in adapters:
        layer.merge()
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer.get_base_layer())
    if adapters:
        model._hf_peft_config_loaded = False  # noqa: SLF001 - else only adapters would be written


def _adapters(model: PreTrainedModel) -> Iterator[tuple[str, BaseTunerLayer]]:
    for name, module in model.named_modules():
        if isinstance(module, BaseTunerLayer):
            yield name, module
