"""What transformers prints while it loads: no progress bars, and its log lines where all others go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as library


@contextmanager
def output_adopted() -> Iterator[None]:
    """Silence the library's bars and its own handler until the block ends; a Python caller finds both as they were."""
    logger, has_bars = logging.getLogger("transformers"), library.is_progress_bar_enabled()
    handlers, propagates = logger.handlers[:], logger.propagate
    library.disable_progress_bar()
    logger.handlers.clear()
    logger.propagate = True
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = handlers, propagates
        if has_bars:
            library.enable_progress_bar()
