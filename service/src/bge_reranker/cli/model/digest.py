"""`bge-reranker model digest`."""

from __future__ import annotations

import click

from .target import WHERE_OPTIONS, effective_settings, find_model


@click.command()
@click.argument("model", required=False)
@WHERE_OPTIONS
@click.pass_context
def digest(context: click.Context, /, model: str | None, **_settings: object) -> None:
    """Print the tree digest that names a model's files, from the files themselves.

    MODEL is what --model of `serve` takes; without it, the one that the settings name.
    """
    directory = find_model(effective_settings(context, model).model)
    from ...store.manifest import hash_model  # noqa: PLC0415 - a wrong option answers at once

    click.echo(hash_model(directory.path).digest)
