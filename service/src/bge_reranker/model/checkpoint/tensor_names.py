"""Names and shapes of every tensor of a packed checkpoint, and which of them make up each parameter of the network.

What belongs here: the naming of the XLM-RoBERTa, RoBERTa and BERT families. What must not: torch, and reading files.

Shapes in terms of H hidden, F feed-forward, V vocabulary, P positions, S segment types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..families.geometry import Geometry

_FORMER_NAMES = (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"))
"""Endings that the first checkpoints of BERT have, and today's.

Source: `conversion_mapping.py` of transformers 5.23, "legacy".
"""

_WRAPPERS = {
    "_orig_mod.": "torch.compile",
    "module.": "DistributedDataParallel or DataParallel",
    "_fsdp_wrapped_module.": "FullyShardedDataParallel",
    "_forward_module.": "Lightning",
    "base_model.model.": "PEFT",
    "model.": "a class of the trainer's own",
}
"""What puts a prefix before the name of every tensor, by the prefix."""

_LAYER = re.compile(r"encoder\.layer\.(\d+)\.")

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One parameter of the network and the checkpoint tensors laid end to end that make it."""

    parameter: str
    """Name in the network."""

    tensors: tuple[str, ...]
    """Names in the checkpoint, in order along the first dimension."""

    shape: Shape
    """Shape of each of the tensors."""


def prefix(geometry: Geometry) -> str:
    """First part of the names of the encoder's tensors."""
    return "bert" if geometry.family == "bert" else "roberta"


def canonical_name(stored: str, geometry: Geometry, *, lacks_prefix: bool = False) -> str:
    """Give a tensor the name that today's transformers gives it.

    Args:
        stored: Its name in the file.
        geometry: Gives the family.
        lacks_prefix: Whether the encoder was saved by itself, so that its names lack their first part.
    """
    for former, today in _FORMER_NAMES:
        if stored.endswith(former):
            stored = stored.removesuffix(former) + today
    if lacks_prefix and not stored.startswith("classifier."):
        return f"{prefix(geometry)}.{stored}"
    return stored


def lacks_prefix(stored: Iterable[str], geometry: Geometry) -> bool:
    """Whether the encoder's tensors are named as if it stood alone."""
    names = set(stored)
    start = f"{prefix(geometry)}."
    return "embeddings.word_embeddings.weight" in names and not any(name.startswith(start) for name in names)


def wrapper_of(stored: Iterable[str]) -> tuple[str, str] | None:
    """Recognise that a wrapped model was saved: the prefix that all names share, and what puts it there."""
    names = set(stored)
    found, by = "", []
    while names:
        start = next((start for start in _WRAPPERS if all(name.startswith(start) for name in names)), None)
        if start is None:
            break
        found, names = found + start, {name.removeprefix(start) for name in names}
        by.append(_WRAPPERS[start])
    return (found, " and ".join(by)) if found else None


def layers_in(names: Iterable[str]) -> int:
    """Count the encoder layers that tensors belong to."""
    return len({found[1] for name in names if (found := _LAYER.search(name))})


def head_names(geometry: Geometry) -> frozenset[str]:
    """Names of the tensors without which there is no classification head."""
    return frozenset(name for source in _head(geometry) for name in source.tensors if name.startswith("classifier."))


def logit_weight(geometry: Geometry) -> str:
    """Name of the weight of the last product, which gives the logit."""
    return "classifier.weight" if geometry.family == "bert" else "classifier.out_proj.weight"


def linear_names(geometry: Geometry) -> list[str]:
    """List the linear layers of the encoder, which may be in 8 bits; those of the head stay in float."""
    parts = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
    layers = [f"{prefix(geometry)}.encoder.layer.{index}" for index in range(geometry.layers)]
    return [f"{layer}.{part}" for layer in layers for part in (*parts, "intermediate.dense", "output.dense")]


def linear_weights(geometry: Geometry) -> frozenset[str]:
    """Names of the weights of those layers."""
    return frozenset(f"{name}.weight" for name in linear_names(geometry))


def harmless_leftovers(geometry: Geometry) -> frozenset[str]:
    """Names that may lie in a checkpoint unused.

    Old versions of transformers stored the position buffer; the RoBERTa heads read the first token's state and
    never the pooler that some checkpoints still carry. Anything else unused means another network than this one.
    """
    start = prefix(geometry)
    names = {f"{start}.embeddings.position_ids", f"{start}.embeddings.token_type_ids"}
    if geometry.family != "bert":
        names |= {f"{start}.pooler.dense.weight", f"{start}.pooler.dense.bias"}
    return frozenset(names)


def sources(geometry: Geometry, *, shortcut: bool = True) -> tuple[Source, ...]:
    """List every parameter of the network with its checkpoint tensors.

    Args:
        geometry: Sizes and family.
        shortcut: Whether the last layer computes first tokens only, and so keeps its query apart.
    """
    listed = list(_embeddings(geometry))
    for index in range(geometry.layers):
        is_split = shortcut and index == geometry.layers - 1
        listed.extend(_layer(geometry, index, is_split=is_split))
    listed.extend(_head(geometry))
    return tuple(listed)


def _embeddings(geometry: Geometry) -> Iterator[Source]:
    start, hidden = f"{prefix(geometry)}.embeddings", geometry.hidden_size
    tables = (
        ("words", "word_embeddings", geometry.vocabulary_size),
        ("positions", "position_embeddings", geometry.positions),
        ("segments", "token_type_embeddings", geometry.segment_types),
    )
    for parameter, name, rows in tables:
        yield Source(f"embeddings.{parameter}", (f"{start}.{name}.weight",), (rows, hidden))
    yield from _vectors("embeddings.norm", f"{start}.LayerNorm", hidden)


def _layer(geometry: Geometry, index: int, *, is_split: bool) -> Iterator[Source]:
    start, name = f"{prefix(geometry)}.encoder.layer.{index}", f"layers.{index}"
    hidden, wide = geometry.hidden_size, geometry.intermediate_size
    joined = {"query": ("query",), "key_value": ("key", "value")} if is_split else {"qkv": ("query", "key", "value")}
    for parameter, parts in joined.items():
        for kind, shape in (("weight", (hidden, hidden)), ("bias", (hidden,))):
            tensors = tuple(f"{start}.attention.self.{part}.{kind}" for part in parts)
            yield Source(f"{name}.{parameter}.{kind}", tensors, shape)
    yield from _linear(f"{name}.output", f"{start}.attention.output.dense", hidden, hidden)
    yield from _vectors(f"{name}.attention_norm", f"{start}.attention.output.LayerNorm", hidden)
    yield from _linear(f"{name}.widen", f"{start}.intermediate.dense", wide, hidden)
    yield from _linear(f"{name}.narrow", f"{start}.output.dense", hidden, wide)
    yield from _vectors(f"{name}.feed_forward_norm", f"{start}.output.LayerNorm", hidden)


def _head(geometry: Geometry) -> Iterator[Source]:
    hidden = geometry.hidden_size
    if geometry.family == "bert":
        yield from _linear("head.dense", "bert.pooler.dense", hidden, hidden)
        yield from _linear("head.logit", "classifier", 1, hidden)
    else:
        yield from _linear("head.dense", "classifier.dense", hidden, hidden)
        yield from _linear("head.logit", "classifier.out_proj", 1, hidden)


def _linear(parameter: str, tensor: str, outputs: int, inputs: int) -> Iterator[Source]:
    yield Source(f"{parameter}.weight", (f"{tensor}.weight",), (outputs, inputs))
    yield Source(f"{parameter}.bias", (f"{tensor}.bias",), (outputs,))


def _vectors(parameter: str, tensor: str, size: int) -> Iterator[Source]:
    for kind in ("weight", "bias"):
        yield Source(f"{parameter}.{kind}", (f"{tensor}.{kind}",), (size,))
