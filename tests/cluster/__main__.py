"""`python -m tests.cluster up|add|down|status|load`: behind the Makefile's cluster targets."""

from __future__ import annotations

import os
import shutil
import sys

import click
from rich.console import Console

from tests.cluster import additions, loading, preconditions, removal, starting, status
from tests.cluster.building import build_tools
from tests.cluster.failures import ClusterError
from tests.cluster.tools import RELEASE_TOOLS, TOOLS

CONSOLE = Console()
BUILDABLE = (*TOOLS, *additions.TOOLS, *RELEASE_TOOLS)
ADDITION = click.Choice(list(additions.ADDITIONS))


@click.group(help=__doc__)
@click.pass_context
def cluster(context: click.Context) -> None:
    """Collects the commands; all but `tools` are root's."""
    if context.invoked_subcommand != "tools":
        preconditions.is_root(os.geteuid(), f"cluster-{context.invoked_subcommand}")


@cluster.command()
@click.option("--gpus", default=0, type=click.IntRange(0, 64), help="Pretended GPUs on each node.")
@click.option("--with", "wanted", multiple=True, type=ADDITION, help="What it shall have in addition.")
def up(*, gpus: int, wanted: tuple[str, ...]) -> None:
    """Build what is missing and bring the cluster up."""
    starting.start(CONSOLE, gpus, wanted)


@cluster.command()
@click.argument("wanted", nargs=-1, required=True, type=ADDITION)
def add(wanted: tuple[str, ...]) -> None:
    """Give the cluster that is up something in addition."""
    additions.add(wanted, shutil.which, CONSOLE)


@cluster.command()
@click.argument("names", nargs=-1, type=click.Choice([tool.name for tool in BUILDABLE]))
def tools(names: tuple[str, ...]) -> None:
    """Build the named tools, or all that every cluster needs, and stop."""
    build_tools(CONSOLE, [tool for tool in BUILDABLE if tool.name in names] or TOOLS)


@cluster.command()
def down() -> None:
    """Take everything down that a cluster left, whole or half."""
    removal.remove(CONSOLE)


@cluster.command(name="status")
def show_status() -> None:
    """Show nodes and pods."""
    status.show(CONSOLE)


@cluster.command()
@click.argument("image")
def load(image: str) -> None:
    """Bring an image, or an archive of one, onto both nodes."""
    loading.load(image, CONSOLE)


def main() -> None:
    """Run a command; what is wrong is said without a traceback."""
    try:
        cluster.main(standalone_mode=False)
    except ClusterError as error:
        CONSOLE.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
