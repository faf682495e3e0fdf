"""A reranking server for cross-encoders, and the same ranking in Python.

from bge_reranker import Reranker
Reranker("demo").rank("query", ["first document", "second document"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import RerankerError
    from .reranker import RankedDocument, Reranker

__all__ = ["RankedDocument", "Reranker", "RerankerError"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: importing the package alone, as the command line's help does, must not import torch.
    if name in __all__:
        from . import errors, reranker  # noqa: PLC0415 - see above

        return getattr(errors if name == "RerankerError" else reranker, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
