"""Builds tools that have yet to be built, saying what it is at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

from rich.console import Console

from tests.cluster.preconditions import go_is_there
from tests.cluster.progress import Progress
from tests.cluster.tools import TOOLS, Built


def build_tools(
    console: Console, tools: Sequence[Built] = TOOLS, find: Callable[[str], str | None] = shutil.which
) -> None:
    """Build what of the tools has yet to be built, in their order.

    Raises:
        ClusterError: Go is missing, or a build failed.
    """
    missing = [tool for tool in tools if not tool.is_built]
    go_is_there(find, builds=len(missing))
    if not missing:
        return
    progress = Progress(console)
    for tool in missing:
        with progress.step(f"{tool.name} {tool.version}, built once into {tool.folder}"):
            tool.build()
    progress.close("Tools built")
