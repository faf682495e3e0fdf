"""`bge-reranker model convert`."""

from __future__ import annotations

from pathlib import Path

from ...errors import UnsafeFormat


def convert_pickles(folder: Path) -> None:
    """Make safetensors of a folder's pickles and remove them.

    Raises:
        UnsafeFormat: If torch is not installed, or a pickle holds more than weights.
    """
    try:
        from ...model.pickles import convert_folder  # noqa: PLC0415 - imports torch
    except ModuleNotFoundError as error:
        raise UnsafeFormat(
            f"The weights are pickles, and converting them needs the package {error.name}.",
            remedy="Install bge-reranker[torch] where you fetch, or give a source with safetensors.",
        ) from None
    convert_folder(folder)
