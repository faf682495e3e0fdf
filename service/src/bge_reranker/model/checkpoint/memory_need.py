"""Whether a model fits the memory of its device, said before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Collection

from ...errors import OutOfMemory
from .tensor_files import TensorFiles

BASE_BYTES = 100 * 2**20
"""Room beside the weights: activations of the calls under way, which are bounded, and the runtime's kernels. What the
process holds already is counted by whoever grants."""

CPU_REMEDY = "Raise the memory limit, serve a smaller model, or quantise this one to int8."


def needed_bytes(
    files: TensorFiles,
    item_bytes: int,
    tables: Collection[str] = (),
    mapped_forms: Collection[str] = (),
) -> int:
    """Estimate the memory that serving takes: every weight once, as it is computed with.

    Args:
        files: The checkpoint's tensors.
        item_bytes: Bytes of a number in the precision served; those that are stored in 8 bits stay so.
        tables: Names of the embedding tables.
        mapped_forms: Number formats, as safetensors names them, in which those are read in the mapped file: the kernel
            may take its pages back.
    """
    total = BASE_BYTES
    for name, holder in files.holders.items():
        header = holder.get_slice(name)
        form = header.get_dtype()
        if not (name in tables and form in mapped_forms):
            total += math.prod(header.get_shape()) * (1 if form == "I8" else item_bytes)
    return total


def refuse_too_large(needed: int, free: int | None, name: str, remedy: str, device: str = "cpu") -> None:
    """Refuse what cannot fit.

    Args:
        needed: Bytes that serving takes.
        free: Bytes that the device grants; None where nobody says.
        name: What the model is called in the message.
        remedy: What helps.
        device: Where it shall lie.

    Raises:
        OutOfMemory: If it cannot fit.
    """
    if free is not None and needed > free:
        raise OutOfMemory(
            f"{name} needs about {needed // 2**20} MiB of memory on {device} beside what is in use; "
            f"{free // 2**20} MiB are free.",
            remedy=remedy,
            figures={"needed_bytes": needed, "free_bytes": free, "device": device},
        )
