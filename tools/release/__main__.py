"""`python -m release make|bundle`: behind `make release` and `make bundle`."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from generate.version import ROOT, version_of
from tests.cluster.failures import ClusterError

from . import refusals
from .bundling import Bundler, verify_bundle
from .making import RELEASED
from .registry import Registry, is_local
from .releasing import Order, release


@click.group(help=__doc__)
def commands() -> None:
    """Collects the commands."""


def _registry(address: str, *, plain_http: bool) -> Registry:
    refusals.registry_is_fit(address)
    return Registry(address, plain_http=plain_http or is_local(address))


@commands.command()
@click.option("--version", required=True, help="MAJOR.MINOR.PATCH.")
@click.option("--registry", required=True, help="Where it goes: HOST[:PORT][/PATH].")
@click.option("--key", required=True, help="The private key that signs: a file, or the address of a key in a KMS.")
@click.option("--image", "images", multiple=True, type=click.Choice(RELEASED), help="Only this image; repeatable.")
@click.option("--base", default=None, help="Base image, instead of the Dockerfile's; pin it by digest.")
@click.option("--plain-http", is_flag=True, help="The registry has no TLS; one on this machine is taken to have none.")
def make(*, version: str, registry: str, key: str, images: tuple[str, ...], base: str | None, plain_http: bool) -> None:
    """Build, sign, push and verify a release, and tag its commit."""
    refusals.version_is_fit(version, version_of())
    to = _registry(registry, plain_http=plain_http)
    refusals.key_is_there(key)
    order = Order(ROOT, version, to, key, tuple(each for each in RELEASED if each in images or not images), base)
    click.echo(release(order, dt.datetime.now(tz=dt.UTC).date(), _step))


@commands.command()
@click.option("--version", required=True, help="A version that `make release` has made here.")
@click.option("--key", required=True, help="The private key that signs the list of checksums.")
@click.option("--plain-http", is_flag=True, help="The registry has no TLS; one on this machine is taken to have none.")
def bundle(*, version: str, key: str, plain_http: bool) -> None:
    """Gather a release for a site without a network."""
    refusals.version_is_fit(version, version)
    refusals.key_is_there(key)
    archive = Bundler(ROOT, version, key, plain_http=plain_http).gather(_step)
    verify_bundle(archive, ROOT / "dist" / version / "cosign.pub")
    click.echo(f"{archive}: {archive.stat().st_size / 1e6:,.0f} MB, unpacked again and verified.")


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    began = time.monotonic()
    click.echo(f"== {what}")
    yield
    click.echo(f"== {what}: {time.monotonic() - began:.1f} s")


def main() -> None:
    """Run a command; what is wrong is said without a traceback."""
    try:
        commands.main(prog_name="release", standalone_mode=False)
    except ClusterError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
