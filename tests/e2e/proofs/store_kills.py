"""A hundred fetchers killed at random: no version is ever half done, and each next fetcher finishes.

Needs no cluster: a hub on loopback, and processes that are killed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.store.kill_rounds import kill_rounds

KILLS = 100


def prove() -> dict[str, Any]:
    """Kill a hundred fetchers; what is called a version is compared byte by byte after every one."""
    with tempfile.TemporaryDirectory() as folder:
        return kill_rounds(Path(folder), KILLS, seed=1, longest_s=2.5)
