"""`bge-reranker model pack`."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import SettingsError
from .target import WHERE_OPTIONS, effective_settings, find_model

if TYPE_CHECKING:
    from ...store.paths import Version
    from ...store.source import Source


@click.command()
@click.argument("model", required=False)
@WHERE_OPTIONS
@click.option("--output", type=click.Path(path_type=Path), help="Bundle to write, a .tar; it must not exist.")
@click.option("--oci", type=click.Path(path_type=Path), help="OCI image layout to write, a folder that does not exist.")
@click.option("--push", metavar="oci://REGISTRY/REPOSITORY[:TAG]", help="Where to push it as an OCI image.")
@click.pass_context
def pack(
    context: click.Context,
    /,
    model: str | None,
    *,
    output: Path | None,
    oci: Path | None,
    push: str | None,
    **_settings: object,
) -> None:
    """Pack a version of the store for other places: a bundle, an OCI image in a folder, or one in a registry.

    `model fetch file:///bundle.tar` puts a bundle into another store under the model's own name. The OCI image, mounted
    as a volume, is a store itself; from a registry, `model fetch oci://registry/repository@sha256:...` fetches it.
    Every byte is compared with the manifest first. `docker login` or `podman login` says who may push.
    """
    if output is None and oci is None and push is None:
        raise SettingsError("Nothing to write is named.", remedy="Give --output, --oci, --push or several.")
    target = _target(push) if push is not None else None
    for path in (output, oci):
        if path is not None and path.exists():
            raise SettingsError(f"{path} exists already.", remedy="Name one that does not exist.")
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
        click.echo(f"OCI image layout: {oci} ({write_oci_layout(directory.version, oci)})")
    if target is not None:
        with _layout(directory.version, oci) as layout:
            _push(directory.version, layout, target)


def _target(address: str) -> Source:
    """The repository to push to, checked before anything is packed."""
    from ...store.sources.registry import require_source  # noqa: PLC0415 - see below

    target = require_source(address, None)
    if "oci" not in target.kind.schemes:
        raise SettingsError(f"--push {address} is no registry.", remedy="Write oci://registry/repository:tag.")
    if (target.revision or "").startswith("sha256:"):
        raise SettingsError(
            f"--push {address} names a digest, which only the pushed image decides.", remedy="Name a tag, or none."
        )
    return target


@contextmanager
def _layout(version: Version, written: Path | None) -> Iterator[Path]:
    """The image that was written, or one that goes when it has been pushed."""
    from ...store.bundle import write_oci_layout  # noqa: PLC0415 - as above

    if written is not None:
        yield written
        return
    with tempfile.TemporaryDirectory(prefix="bge-reranker-") as folder:
        write_oci_layout(version, Path(folder) / "image")
        yield Path(folder) / "image"


def _push(version: Version, layout: Path, target: Source) -> None:
    try:
        from ...store.sources.oci_push import push_layout  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise SettingsError(f"--push needs the package {error.name}.", remedy="Install bge-reranker[oci].") from None
    from ...store.manifest import read_manifest  # noqa: PLC0415 - as above

    tag = target.revision or read_manifest(version.path).short_digest
    digest = push_layout(layout, target, tag, os.environ, threading.Event().wait)
    click.echo(f"Pushed: {target.shown}:{tag} is {digest}.")
    click.echo(f"{target.shown}@{digest}")
