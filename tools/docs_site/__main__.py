"""`python -m docs_site`: build the documentation into build/site, and fail on anything that is wrong with it."""

from __future__ import annotations

import sys

import click

from .building import build_site
from .inspection import complaints
from .links import dead_links
from .staging import ROOT, markdown_pages


@click.command()
def build() -> None:
    """Build the documentation."""
    _refuse(dead_links(markdown_pages(), ROOT))
    site = build_site(ROOT / "build")
    _refuse(complaints(site))
    click.echo(f"The site is in {site}. To read it with search: {sys.executable} -m http.server -d {site} 8080")


def _refuse(found: list[str]) -> None:
    if found:
        click.echo("\n".join(found), err=True)
        sys.exit(1)


if __name__ == "__main__":
    build()
