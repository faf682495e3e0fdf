"""`bge-reranker model`: one module a command."""

from __future__ import annotations

import click

from .convert import convert
from .digest import digest
from .fetch import fetch
from .listing import list_versions
from .pack import pack
from .prune import prune_versions
from .selfcheck import selfcheck
from .verify import verify


@click.group()
def model() -> None:
    """Fetch, verify and look after models."""


for command in (fetch, verify, list_versions, digest, prune_versions, convert, pack, selfcheck):
    model.add_command(command)
