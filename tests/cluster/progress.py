"""Says what a command is at, with times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Progress:
    """Prints each step as it ends, with its time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        with self._console.status(name):
            yield
        self._console.print(f"  {name:<58} {time.monotonic() - began:6.1f} s", highlight=False)

    def close(self, what: str) -> None:
        self._console.print(f"{what} in {time.monotonic() - self._began:.1f} s.", highlight=False)
