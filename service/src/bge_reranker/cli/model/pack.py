"""`bge-reranker model pack`."""

from __future__ import annotations

from pathlib import Path

import click

from ...errors import SettingsError
from .target import WHERE_OPTIONS, effective_settings, find_model


@click.command()
@click.argument("model", required=False)
@WHERE_OPTIONS
@click.option("--output", type=click.Path(path_type=Path), help="Bundle to write, a .tar; it must not exist.")
@click.option("--oci", type=click.Path(path_type=Path), help="OCI image layout to write, a folder that does not exist.")
@click.pass_context
def pack(
    context: click.Context, /, model: str | None, *, output: Path | None, oci: Path | None, **_settings: object
) -> None:
    """Pack a version of the store for a place without a network: a bundle, an OCI image, or both.

    `model fetch file:///bundle.tar` puts a bundle into another store under the model's own name; the OCI image, mounted
    as a volume, is a store itself. Every byte is compared with the manifest first.
    """
    if output is None and oci is None:
        raise SettingsError("Nothing to write is named.", remedy="Give --output, --oci or both.")
    for target in (output, oci):
        if target is not None and target.exists():
            raise SettingsError(f"{target} exists already.", remedy="Name one that does not exist.")
    directory = find_model(effective_settings(context, model).model)
    if directory.version is None:
        raise SettingsError(
            f"{directory.path} is not a version of the store.", remedy="Fetch it first: `bge-reranker model fetch`."
        )
    from ...store.bundle import write_bundle, write_oci_layout  # noqa: PLC0415 - a wrong option answers at once

    if output is not None:
        write_bundle(directory.version, output)
        click.echo(f"Bundle: {output}")
    if oci is not None:
        digest = write_oci_layout(directory.version, oci)
        click.echo(f"OCI image layout: {oci} ({digest})")
