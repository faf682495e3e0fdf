"""`bge-reranker model verify`."""

from __future__ import annotations

import time

import click

from ...errors.printable import counted
from .target import WHERE_OPTIONS, effective_settings, find_model


@click.command()
@click.argument("model", required=False)
@WHERE_OPTIONS
@click.pass_context
def verify(context: click.Context, /, model: str | None, **_settings: object) -> None:
    """Compare every byte of a model with its manifest.

    MODEL is what --model of `serve` takes; without it, the one that the settings name. Exit code 14 says that a file
    is not what the manifest says.
    """
    settings = effective_settings(context, model).model
    directory = find_model(settings)
    from ...store.manifest import read_manifest  # noqa: PLC0415 - a wrong option answers at once
    from ...store.verification import refuse_other_digest, verify  # noqa: PLC0415

    manifest = read_manifest(directory.path)
    refuse_other_digest(manifest.digest, settings.expect_digest, directory.name)
    began = time.perf_counter()
    verify(directory.path, manifest)
    elapsed_s = max(time.perf_counter() - began, 1e-6)
    rate = manifest.size_bytes / elapsed_s / 1e9
    click.echo(
        f"{directory.path}: {counted(len(manifest.files), 'file')}, {manifest.size_bytes / 1e9:.2f} GB, intact "
        f"({elapsed_s:.1f} s, {rate:.2f} GB/s)\ndigest {manifest.digest}"
    )
