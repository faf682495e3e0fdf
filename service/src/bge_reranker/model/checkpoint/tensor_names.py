"""Names of tensors as files have them, and as today's transformers gives them."""

from __future__ import annotations

from collections.abc import Iterable

from ..families.family import Family
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


def canonical_name(stored: str, family: Family, *, lacks_prefix: bool = False) -> str:
    """Give a tensor the name that today's transformers gives it.

    Args:
        stored: Its name in the file.
        family: Whose tensor it is.
        lacks_prefix: Whether the encoder was saved by itself, so that its names lack their first part.
    """
    for former, today in _FORMER_NAMES:
        if stored.endswith(former):
            stored = stored.removesuffix(former) + today
    if lacks_prefix and not stored.startswith(f"{family.head}."):
        return f"{family.encoder}.{stored}"
    return stored


def lacks_prefix(stored: Iterable[str], geometry: Geometry) -> bool:
    """Whether the encoder's tensors are named as if it stood alone."""
    family, names = geometry.family, set(stored)
    start = f"{family.encoder}."
    bare = {table.tensor.removeprefix(start) for table in family.tables(geometry) if table.index == "tokens"}
    return bool(bare & names) and not any(name.startswith(start) for name in names)


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


def layers_in(names: Iterable[str], family: Family) -> int:
    """Count the encoder layers that tensors belong to."""
    start = family.layers_start
    numbers = {name.removeprefix(start).partition(".")[0] for name in names if name.startswith(start)}
    return sum(number.isdecimal() for number in numbers)


def head_names(family: Family) -> frozenset[str]:
    """Names of the tensors without which there is no classification head."""
    names = {f"{linear}.{part}" for linear in (family.dense, family.logit) for part in ("weight", "bias")}
    return frozenset(name for name in names if name.startswith(f"{family.head}."))
