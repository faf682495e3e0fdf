"""Builds tools that have yet to be built, saying what it is at."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from tests.cluster.progress import Progress
from tests.cluster.tools import TOOLS, Built


def build_tools(console: Console, tools: Sequence[Built] = TOOLS) -> None:
    """Build what of the tools has yet to be built, in their order."""
    missing = [tool for tool in tools if not tool.is_built]
    if not missing:
        return
    progress = Progress(console)
    for tool in missing:
        with progress.step(f"{tool.name} {tool.version}, built once into {tool.folder}"):
            tool.build()
    progress.close("Tools built")
