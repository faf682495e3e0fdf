"""From a checkpoint to a model of transformers: no remote code, no pickles, no memory beyond its weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from torch.nn.modules import module as registration
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from ...checkpoint_json import USE_PUBLISHED
from ...engine.scorer import ScorerOutOfMemory
from ...errors import CorruptFile, MissingHead, RerankerError, WrongArchitecture
from ..checkpoint.acceptance import HEAD_REMEDY
from ..checkpoint.folder import Checkpoint
from ..checkpoint.tensor_files import LABELS_REMEDY, MISMATCH_REMEDY, open_tensors, refuse_wrapped, some_names
from ..torch.memory_shortage import memory_shortage_reported
from ..torch.placement import Placement

_SIZE = re.compile(r"size|dim|layer|head|position|embedding|window|block|length|num|^n_|^d_")
"""Names of fields that say how large something is."""

MAX_SIZE = 2**24
"""Largest size that config.json may give: sixteen million tokens or words."""

_MAX_PARAMETERS_PER_TENSOR = 2
_SPARE_PARAMETERS = 64
"""A model may have so many parameters for each tensor in its files, and some more: a few are never stored."""

_MODULES_PER_PARAMETER = 16
"""Modules that a model may have for each parameter: dropouts and activations have none."""

_MAX_NUMBERS_RATIO = 2
_SPARE_NUMBERS = 2**20
"""A model may have so many times as many numbers as its files, and some more."""

_SPARE_BUFFER_BYTES = 256 * 2**20
"""Bytes that a model's buffers may have beside as many as its files: tables of positions that are computed."""

_FIELD = re.compile(r"for field '(\w+)'")
"""Where the library says which field of config.json it does not accept."""

_INDEX = re.compile(r"\.\d+(?=\.)")
"""The number of a layer in a tensor's name."""


def require_known_architecture(checkpoint: Checkpoint) -> None:
    """Compare the configuration with what this version of transformers computes, before any weight is read.

    Raises:
        WrongArchitecture: If it does not know the architecture.
    """
    model_type = checkpoint.config.get("model_type")
    known = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.get(str(model_type))
    if known != checkpoint.architecture:
        raise WrongArchitecture(
            f"config.json: model_type {model_type!r} with {checkpoint.architecture}; transformers "
            f"{transformers.__version__} computes {known or 'no sequence classifier'} for it.",
            remedy="Serve an architecture that transformers knows, or install a version that does.",
        )


CLASSIFIERS: Any = transformers.AutoModelForSequenceClassification
"""Makes networks with a head."""


def load_model(checkpoint: Checkpoint, placement: Placement, kind: Any = CLASSIFIERS) -> transformers.PreTrainedModel:
    """Load a checkpoint that the packed network does not compute, ready to score on its device.

    Args:
        checkpoint: What to load.
        placement: Where it shall lie.
        kind: The library's class that makes a network of a configuration.

    Raises:
        CorruptFile: If config.json and the weights contradict each other, or cannot be read.
        MissingHead: If tensors of the head are not in the files; transformers would fill them with random numbers.
        WrongArchitecture: If the head has another number of outputs than one.
    """
    config = _read_config(checkpoint)
    _refuse_other_sizes(checkpoint, config, kind)
    with _failures_named(f"{checkpoint.directory}: transformers cannot load the weights of {checkpoint.architecture}"):
        model, report = kind.from_pretrained(
            checkpoint.directory,
            config=config,
            dtype=placement.dtype,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            # Reported by `_refuse_shape` below.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    _refuse_incomplete(model, report, has_head=kind is CLASSIFIERS)
    loaded: transformers.PreTrainedModel = model.eval().to(placement.device)
    return loaded


def _read_config(checkpoint: Checkpoint) -> transformers.PreTrainedConfig:
    for field, value in _sizes(checkpoint.config):
        if value > MAX_SIZE:
            raise CorruptFile(f"config.json: {field} is {value}; expected at most {MAX_SIZE}.", remedy=USE_PUBLISHED)
    with _failures_named(f"config.json: transformers does not accept it for {checkpoint.architecture}"):
        config: transformers.PreTrainedConfig = transformers.AutoConfig.from_pretrained(
            checkpoint.directory, trust_remote_code=False, local_files_only=True
        )
    if getattr(config, "pad_token_id", None) is None:
        # `null` must mean what the file's silence does: several families count positions from it. Where that is no id
        # of this vocabulary, it can mean nothing.
        default, rows = getattr(type(config), "pad_token_id", None), getattr(config, "vocab_size", None)
        if isinstance(default, int) and (not isinstance(rows, int) or default < rows):
            config.pad_token_id = default
    return config


def _sizes(config: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    """The fields that say how large something is, those of nested objects too."""
    for field, value in config.items():
        if isinstance(value, dict):
            yield from _sizes(value)
        elif isinstance(value, int) and not field.endswith("_id") and _SIZE.search(field):
            yield field, value


def _refuse_other_sizes(checkpoint: Checkpoint, config: transformers.PreTrainedConfig, kind: Any) -> None:
    """Build the model without memory, and compare what it would need with what the files hold.

    Raises:
        CorruptFile: If it is far more.
    """
    with open_tensors(checkpoint.weight_files, "pt") as files:
        tensors = len(files.holders)
        numbers = sum(_numbers(opened.get_slice(name).get_shape()) for name, opened in files.holders.items())
    most = _MAX_PARAMETERS_PER_TENSOR * tensors + _SPARE_PARAMETERS
    with (
        _failures_named(f"config.json: transformers cannot build {checkpoint.architecture} of it"),
        _parameters_bounded(most, tensors),
        torch.device("meta"),
    ):
        model = kind.from_config(config)
    needed = sum(parameter.numel() for parameter in model.parameters())
    if needed > _MAX_NUMBERS_RATIO * numbers + _SPARE_NUMBERS:
        raise CorruptFile(
            f"config.json describes a model of {needed} numbers; the weights hold {numbers}.", remedy=MISMATCH_REMEDY
        )
    buffers = sum(buffer.numel() * buffer.element_size() for buffer in model.buffers())
    if buffers > 4 * numbers + _SPARE_BUFFER_BYTES:
        raise CorruptFile(
            f"config.json describes a model that computes {buffers} bytes of tables; its weights have {numbers} "
            "numbers.",
            remedy=MISMATCH_REMEDY,
        )


def _numbers(shape: Sequence[int]) -> int:
    return torch.Size(shape).numel()


@contextmanager
def _parameters_bounded(most: int, tensors: int) -> Iterator[None]:
    """Stop building a model that has far more parts than its files have tensors: each costs, even without numbers."""
    parameters, modules = 0, 0

    def refuse() -> None:
        raise CorruptFile(
            f"config.json describes a model of far more parts than the {tensors} tensors of its weights.",
            remedy=MISMATCH_REMEDY,
        )

    def count_parameter(*_: object) -> None:
        nonlocal parameters
        parameters += 1
        if parameters > most:
            refuse()

    def count_module(*_: object) -> None:
        nonlocal modules
        modules += 1
        if modules > _MODULES_PER_PARAMETER * most:
            refuse()

    handles = (
        registration.register_module_parameter_registration_hook(count_parameter),
        registration.register_module_module_registration_hook(count_module),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _refuse_incomplete(model: transformers.PreTrainedModel, report: Mapping[str, Any], *, has_head: bool) -> None:
    missing, unused = sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
    if missing and unused:
        refuse_wrapped(unused)
    # Weights before biases, whose shapes say less.
    for name, found, expected in sorted(report["mismatched_keys"], key=lambda entry: (-len(entry[1]), entry[0])):
        _refuse_shape(name, tuple(found), tuple(expected), model.base_model_prefix, has_head=has_head)
    encoder = model.base_model_prefix + "."
    if has_head and (head := [name for name in missing if not name.startswith(encoder)]):
        raise MissingHead(f"The weights have no classification head: {some_names(head)} not found.", remedy=HEAD_REMEDY)
    if missing:
        raise CorruptFile(f"The weights lack {some_names(missing)}.", remedy=MISMATCH_REMEDY)
    forms = {_INDEX.sub(".*", name) for name in model.state_dict()}
    if layers := [name for name in unused if _INDEX.search(name) and _INDEX.sub(".*", name) in forms]:
        raise CorruptFile(
            f"The weights hold more layers than config.json says: {layers[0]} and {len(layers) - 1} more tensors.",
            remedy=MISMATCH_REMEDY,
        )


def _refuse_shape(
    name: str, found: tuple[int, ...], expected: tuple[int, ...], encoder: str, *, has_head: bool
) -> None:
    is_logit = has_head and not name.startswith(encoder + ".") and expected[:1] == (1,) and found[1:] == expected[1:]
    if is_logit:
        raise WrongArchitecture(f"The weights' {name} gives {found[0]} logits; expected 1.", remedy=LABELS_REMEDY)
    raise CorruptFile(
        f"The weights' {name} has shape {found}; config.json asks for {expected}.", remedy=MISMATCH_REMEDY
    )


@contextmanager
def _failures_named(what: str) -> Iterator[None]:
    """Turn whatever the library raises into an error that says what was being done, with the field where it tells."""
    try:
        # Torch reports a shortage as a RuntimeError, which would pass for a broken file.
        with memory_shortage_reported():
            yield
    except (RerankerError, ScorerOutOfMemory, MemoryError):
        raise
    except Exception as error:
        named = _FIELD.search(str(error))
        where = type(error).__name__ if named is None else f"its {named[1]}"
        raise CorruptFile(f"{what} ({where}).", remedy=MISMATCH_REMEDY) from error
