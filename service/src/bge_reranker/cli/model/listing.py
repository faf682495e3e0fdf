"""`bge-reranker model list`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ...errors import CorruptFile
from ..setting_options import field_options
from .target import effective_settings, store_directory

if TYPE_CHECKING:
    from ...store.paths import Version

_SHOWN_REVISION = 12
"""Characters of a revision in the table."""


@click.command("list")
@field_options("cache_dir")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of a table.")
@click.pass_context
def list_versions(context: click.Context, /, *, as_json: bool, **_settings: object) -> None:
    """List the complete versions in the store, newest first."""
    directory = store_directory(effective_settings(context, None).model)
    from ...store.lease import leased_keys  # noqa: PLC0415
    from ...store.paths import Store  # noqa: PLC0415 - a wrong option answers at once

    leased = set(leased_keys(directory))
    rows = [_row(version) | {"is_in_use": version.key in leased} for version in Store(directory).versions()]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    else:
        _print_table(rows)


def _row(version: Version) -> dict[str, Any]:
    """What is known of a version; one whose manifest is damaged is listed as well, with the reason."""
    from ...store.manifest import read_manifest  # noqa: PLC0415 - as above

    row: dict[str, Any] = {"name": version.name, "folder": version.revision, "path": str(version.path)}
    try:
        manifest = read_manifest(version.path)
    except CorruptFile as error:
        return row | {"digest": None, "size_bytes": None, "problem": error.message}
    facts = asdict(manifest.provenance) if manifest.provenance else {}
    return facts | row | {"digest": manifest.digest, "size_bytes": manifest.size_bytes, "problem": None}


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only people's output needs it
    from rich.table import Table  # noqa: PLC0415

    table = Table("name", "revision", "digest", "GB", "architecture", "fetched", "in use", box=None)
    for row in rows:
        table.add_row(
            row["name"],
            row["folder"][:_SHOWN_REVISION],
            (row["digest"] or "damaged")[:_SHOWN_REVISION],
            f"{(row['size_bytes'] or 0) / 1e9:.2f}",
            row.get("architecture") or "",
            row.get("fetched_at") or "",
            "yes" if row["is_in_use"] else "",
        )
    Console().print(table)
