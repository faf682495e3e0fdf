"""The table of failures in docs/troubleshooting.md, from the classes that are raised."""

from __future__ import annotations

from pathlib import Path

from bge_reranker.errors import ModelError

from .marked_section import replace_section


def troubleshooting_page(page: Path) -> str:
    """The page with its table as it should be."""
    return replace_section(page.read_text(encoding="utf-8"), "model failures", failures_table())


def failures_table() -> str:
    """One line per way in which a model cannot be had."""
    kinds = sorted(ModelError.__subclasses__(), key=lambda kind: kind.exit_code)
    lines = (
        f"| `{kind.__name__}` | {kind.exit_code} | {(kind.__doc__ or '').strip()} | {kind.usual_remedy} "
        f"| {'yes' if kind.is_worth_a_retry else 'no'} |"
        for kind in kinds
    )
    return "\n".join(
        ["| code | exit code | what it means | what helps | retry |", "| --- | --- | --- | --- | --- |", *lines]
    )
