"""Verifying a version of the store while it is being loaded."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

from ..errors import RerankerError
from .manifest import Manifest
from .verification import verify, verify_sample

Verified = Literal["full", "sample"]
Mode = Literal["auto", "full", "sample"]
Loaded = TypeVar("Loaded")
Compare = Callable[[Path, Manifest, Callable[[int], None]], None]

_MAX_SHARE = 0.2
"""Largest part of a load, its warm-up included, that comparing every byte may add where nobody asked for it."""


_NICENESS = 5
"""A third of the processor where the load wants all of it: warm-up's threads wait for one another."""


class _GivenUp(Exception):
    """Comparing every byte took too long."""


def verified_load(
    directory: Path,
    manifest: Manifest,
    mode: Mode,
    load: Callable[[], Loaded],
    discard: Callable[[Loaded], None],
    clock: Callable[[], float] = time.monotonic,
    compare: Compare = verify,
) -> tuple[Loaded, Verified]:
    """Load a model and compare its files with their manifest at the same time.

    Sizes and a sample are compared before anything is loaded. Every byte is compared beside the load, which has to read
    the same bytes; what is loaded is given out only when that has ended, or has taken too long and was not asked for.

    Args:
        directory: The model's folder.
        manifest: What it should hold.
        mode: What was asked for.
        load: Loads the model and warms it up; what it raises is believed only if the files are what they should be.
        discard: Frees what was loaded from files that turned out to be others.
        clock: Seconds.
        compare: Compares every byte.

    Raises:
        DigestMismatch: If a file differs.
        ModelError: What loading raises.
    """
    verify_sample(directory, manifest)
    if mode == "sample":
        return load(), "sample"
    comparison = _Comparison(lambda advance: compare(directory, manifest, advance))
    began = clock()
    try:
        loaded = load()
    except RerankerError:
        comparison.finish(None)
        raise
    patience_s = None if mode == "full" else _MAX_SHARE * (clock() - began)
    try:
        return loaded, "full" if comparison.finish(patience_s) else "sample"
    except RerankerError:
        discard(loaded)
        raise


def _step_aside() -> None:
    """Leave the processor to the load where both want it, in this thread and those that it makes."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class _Comparison:
    """Comparing every byte, in a thread."""

    def __init__(self, compare: Callable[[Callable[[int], None]], None]) -> None:
        self._compare = compare
        self._is_given_up = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="verify-model", daemon=True)
        self._thread.start()

    def finish(self, patience_s: float | None) -> bool:
        """Wait for the verdict, for so long at most.

        Returns:
            Whether every byte was compared.

        Raises:
            DigestMismatch: If a file differs.
        """
        self._thread.join(patience_s)
        if self._thread.is_alive():
            self._is_given_up = True
            self._thread.join()
        if isinstance(self._failure, _GivenUp):
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def _run(self) -> None:
        _step_aside()
        try:
            self._compare(self._advance)
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits
            self._failure = error

    def _advance(self, _count: int) -> None:
        if self._is_given_up:
            raise _GivenUp
