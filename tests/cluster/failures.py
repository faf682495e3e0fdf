"""The one error that the cluster's commands show to people."""

from __future__ import annotations

from pathlib import Path


class ClusterError(Exception):
    """What is wrong, and the remedy, in a sentence or two."""


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a component's log, for a failure's message."""
    if not log.exists():
        return "(it wrote no log)"
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 20_000))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-count:])
