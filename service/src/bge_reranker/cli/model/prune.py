"""`bge-reranker model gc`."""

from __future__ import annotations

import click

from ..numbers import WholeNumberRange
from ..setting_options import field_options
from .target import effective_settings, store_directory


@click.command("gc")
@field_options("cache_dir")
@click.option("--keep", type=WholeNumberRange(min=1), required=True, help="Newest versions of each model that stay.")
@click.pass_context
def prune_versions(context: click.Context, /, *, keep: int, **_settings: object) -> None:
    """Remove old versions from the store, but none that a server holds or that is being fetched."""
    directory = store_directory(effective_settings(context, None).model)
    from ...store.prune import prune  # noqa: PLC0415 - a wrong option answers at once

    removed = prune(directory, keep)
    for version in removed:
        click.echo(f"Removed {version.path}.")
    if not removed:
        click.echo("Nothing to remove.")
