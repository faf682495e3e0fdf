"""How commands that write a folder of their own end early: by SIGTERM, or because it cannot be written.

What belongs here: the handler, and the remedy. What must not: the server's drain (`serving.process`).
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

OUTPUT_REMEDY = "Let the process write there, or name another --output."
"""What helps where the folder of --output cannot be written."""


def end_tidily_on_sigterm() -> None:
    """End as by the signal, but leave every `with` first: locks are let go of, scratch is removed.

    Without a handler the first process of a container ignores SIGTERM, and is killed when the grace period is over.
    """
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
