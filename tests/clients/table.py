"""Every row of the compatibility matrix, and the questions that every row is asked."""

from __future__ import annotations

import math
from typing import Final

from .client_row import ClientRow
from .drivers.driving import KEY
from .rows_of_frameworks import FIXED
from .rows_of_frameworks import ROWS as FRAMEWORK_ROWS
from .rows_of_sdks import ROWS as SDK_ROWS

__all__ = [
    "DOCUMENTS",
    "FIXED",
    "LOGITS",
    "QUERY",
    "ROWS",
    "SCORES",
    "SERVER_FLAGS",
    "TOP_N",
    "WINDOW_TOKENS",
    "WORDS_OF_ERROR",
    "ClientRow",
]

ROWS: Final[tuple[ClientRow, ...]] = SDK_ROWS + FRAMEWORK_ROWS
"""The matrix."""

QUERY: Final = "q"
"""The query of every ranking; the error is provoked by an empty one."""

DOCUMENTS: Final = ("bad bad", "good good 好", "good", "bad")
"""Texts whose logits the scripted scorer counts: good less bad."""

SERVER_FLAGS: Final = {"api_keys": KEY}
"""Settings of the server that every row is pointed at: it wants the key that each client brings in its own way."""

WINDOW_TOKENS: Final = 512
"""The server's longest pair: as real models have it, since SiliconFlow's client asks for an overlap of 80 tokens."""

TOP_N: Final = 3
"""Results asked for, one fewer than there are documents."""

LOGITS: Final = {1: 2.0, 2: 1.0, 3: -1.0, 0: -2.0}
"""The expected logits by document, best first."""

SCORES: Final = {index: 1 / (1 + math.exp(-logit)) for index, logit in LOGITS.items()}
"""The same as sigmoids."""

WORDS_OF_ERROR: Final = "is empty"
"""What the server says of an empty query, in every dialect."""
