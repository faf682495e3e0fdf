"""A progress bar of steps on standard error; on no terminal, a line now and then."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_EVERY_S = 30.0


class StepBar:
    """Shows how far a run is.

    Args:
        console: Where.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=None, visible=False)
        self._said_s = time.monotonic()

    def say(self, sentence: str) -> None:
        """Print a sentence above the bar."""
        self._console.print(escape(sentence), highlight=False, soft_wrap=True)

    def on_step(self, done: int, total: int) -> None:
        """Show that a step is done."""
        self._bar.update(self._task, completed=done, total=total, visible=True)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._said_s >= _LINE_EVERY_S:
            self._said_s = now
            self.say(f"Step {done} of {total}.")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
