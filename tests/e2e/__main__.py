"""`python -m tests.e2e`: a cluster, the tests, and the cluster down again; behind `make e2e`."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import click
from rich.console import Console

from tests.cluster import preconditions
from tests.cluster.failures import ClusterError
from tests.cluster.layout import CONTEXT, KUBECONFIG
from tests.e2e.image_names import IMAGE, OPERATOR_IMAGE, OTHER_IMAGE, SEARCH_IMAGE
from tests.e2e.own_cluster import own_cluster

CONSOLE = Console()

ADDITIONS = ("crds", "prometheus", "adapter")
"""What the tests want of a cluster of our own beside its nodes."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--context", help="A context of KUBECONFIG; without it a cluster of our own is brought up and taken down."
)
@click.option("--image", default=IMAGE, help="The scorer's image, as the named cluster's nodes know it.")
@click.option("--other-image", default=OTHER_IMAGE, help="The same or another version by a second tag, likewise.")
@click.option("--search-image", default=SEARCH_IMAGE, help="The search pod's image, likewise.")
@click.option("--operator-image", default=OPERATOR_IMAGE, help="The operator's image, likewise.")
@click.option("--keep", is_flag=True, help="Leave our own cluster up, and use it if it is up already.")
@click.option("--look", is_flag=True, help="Only look whether this may run here, before anything is built for it.")
@click.argument("pytest_arguments", nargs=-1)
def end_to_end(
    *,
    context: str | None,
    image: str,
    other_image: str,
    search_image: str,
    operator_image: str,
    keep: bool,
    look: bool,
    pytest_arguments: tuple[str, ...],
) -> None:
    """Run the end-to-end tests."""
    refuse_an_unnamed_cluster(context, os.environ.get("KUBECONFIG"))
    if look:
        refuse_bad_surroundings(context, keep=keep)
        return
    arguments = [f"--kube-context={context or CONTEXT}", f"--image={image}", f"--other-image={other_image}"]
    arguments += [f"--search-image={search_image}", f"--operator-image={operator_image}", *pytest_arguments]
    if context is not None:
        sys.exit(_run_tests(arguments))
    try:
        with own_cluster((image, search_image, operator_image), ADDITIONS, CONSOLE, keep=keep):
            code = _run_tests(arguments)
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(code)


def refuse_an_unnamed_cluster(context: str | None, kubeconfig: str | None) -> None:
    """Refuse to guess which cluster is meant.

    Raises:
        click.UsageError: A kubeconfig is given and no context of it.
    """
    if context is None and kubeconfig not in {None, "", str(KUBECONFIG)}:
        raise click.UsageError(
            f"KUBECONFIG is {kubeconfig} and no context is named: name one by CONTEXT=..., or unset KUBECONFIG to have "
            "a cluster brought up here."
        )


def refuse_bad_surroundings(context: str | None, *, keep: bool) -> None:
    """Refuse where a cluster of our own would not come up, unless none is to.

    Raises:
        click.ClickException: What is wrong, with the remedy.
    """
    if context is not None or (keep and KUBECONFIG.exists()):
        return
    try:
        preconditions.check()
    except ClusterError as error:
        raise click.ClickException(str(error)) from error


def _run_tests(arguments: list[str]) -> int:
    began = time.monotonic()
    where = [] if any(argument.startswith("tests/e2e/") for argument in arguments) else ["tests/e2e"]
    command = [sys.executable, "-m", "pytest", *where, "-v", "--durations=0", "--durations-min=1", *arguments]
    code = subprocess.run(command, check=False).returncode
    CONSOLE.print(f"End-to-end tests took {time.monotonic() - began:.0f} s.", highlight=False)
    return code


if __name__ == "__main__":
    end_to_end()
