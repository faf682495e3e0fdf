"""torch.compile for row-wise regions: one graph without breaks, for every number of rows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import ParamSpec, TypeVar

import torch

Given = ParamSpec("Given")
Made = TypeVar("Made")


def compiled(function: Callable[Given, Made], backend: str) -> Callable[Given, Made]:
    """Compile a function of tensors whose first dimension is any number of rows.

    One kernel for all of them, so that a row's bits do not depend on how many there are.

    Args:
        function: Pure.
        backend: torch.compile's.
    """
    return torch.compile(function, fullgraph=True, dynamic=True, backend=backend)


def can_compile(environment: Mapping[str, str] = os.environ, which: Callable[[str], str | None] = shutil.which) -> bool:
    """Whether Triton is here with what it needs: a C compiler, where it looks for one.

    Images that serve have none, so that there what is compiled is not tried, rather than replaced.

    Source: triton/runtime/build.py of Triton 3.9.
    """
    has_compiler = bool(environment.get("CC")) or any(which(name) for name in ("gcc", "clang"))
    return has_compiler and find_spec("triton") is not None
