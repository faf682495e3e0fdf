"""`python -m tests.e2e`: images, a cluster, the tests, and the cluster down again; behind `make e2e`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.metadata import version

import click
from rich.console import Console

from tests.cluster import loading, removal, starting
from tests.cluster.failures import ClusterError
from tests.cluster.layout import CONTEXT, KUBECONFIG

VERSION = version("bge-reranker")
IMAGE = f"localhost/bge-reranker:{VERSION}-cpu"
SEARCH_IMAGE = f"localhost/bge-reranker-search-pod:{VERSION}"
CONSOLE = Console()


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--context", help="A context of KUBECONFIG; without it a cluster of our own is brought up and taken down."
)
@click.option("--image", default=IMAGE, help="The scorer's image, as the named cluster's nodes know it.")
@click.option("--search-image", default=SEARCH_IMAGE, help="The search pod's image, likewise.")
@click.option("--keep", is_flag=True, help="Leave our own cluster up, and use it if it is up already.")
@click.argument("pytest_arguments", nargs=-1)
def end_to_end(
    *, context: str | None, image: str, search_image: str, keep: bool, pytest_arguments: tuple[str, ...]
) -> None:
    """Run the end-to-end tests."""
    if context is None and "KUBECONFIG" in os.environ and os.environ["KUBECONFIG"] != str(KUBECONFIG):
        raise click.UsageError(
            "KUBECONFIG is set and no context is named: name one by CONTEXT=..., or unset KUBECONFIG to have a cluster "
            "brought up here."
        )
    arguments = [f"--kube-context={context or CONTEXT}", f"--image={image}", f"--search-image={search_image}"]
    arguments += pytest_arguments
    if context is not None:
        sys.exit(_run_tests(arguments))
    try:
        if not (keep and KUBECONFIG.exists()):
            starting.start(CONSOLE, gpu_count=0)
        try:
            for name in (image, search_image):
                loading.load(name, CONSOLE)
            os.environ["KUBECONFIG"] = str(KUBECONFIG)
            code = _run_tests(arguments)
        finally:
            if not keep:
                removal.remove(CONSOLE)
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(code)


def _run_tests(arguments: list[str]) -> int:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/e2e", "-v", "--durations=0", "--durations-min=1", *arguments],
        check=False,
    )
    CONSOLE.print(f"End-to-end tests took {time.monotonic() - began:.0f} s.", highlight=False)
    return done.returncode


if __name__ == "__main__":
    end_to_end()
