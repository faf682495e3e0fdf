"""`bge-reranker serve` in a process where torch, or what sends traces, cannot be imported: they are extras."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from typing_extensions import override

BLOCKED = ("torch", "transformers", "PIL", "grpc", "opentelemetry.sdk", "opentelemetry.exporter")
"""Modules, with all that is below them."""


class Blocker(MetaPathFinder):
    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if any(fullname == name or fullname.startswith(f"{name}.") for name in BLOCKED):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocker())
    for name in ("torch", "transformers", "PIL"):
        # What is asked whether it is there is told no, rather than by an error.
        sys.modules[name] = None  # type: ignore[assignment] # how Python knows a module that cannot be imported
    from bge_reranker.cli.main import main

    main()
