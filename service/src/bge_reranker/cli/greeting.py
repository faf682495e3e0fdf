"""What `serve` prints for a person once requests can be ranked."""

from __future__ import annotations

from contextlib import suppress

import click
import orjson

from ..api.dialects.native import NativeDialect
from ..ranking.served_model import ServedModel
from ..store.model_directory import EMBEDDED_REFERENCES

_DEMO_NOTE = "This is an embedded demonstration model: small, and not for production."


def greet(address: str, model: ServedModel) -> None:
    """Print a command that works.

    Args:
        address: URL of the API.
        model: What is served.
    """
    # A server whose output is full serves all the same.
    with suppress(OSError):
        _print(address, model)


def _print(address: str, model: ServedModel) -> None:
    body = orjson.dumps(NativeDialect.example).decode()
    click.echo(f"\nReady: {model.name} ({model.digest[:12]}) on {model.description.device}, {address}\n")
    if model.name in EMBEDDED_REFERENCES:
        click.echo(f"{_DEMO_NOTE}\n")
    click.echo(f"Try:\n  curl -s {address}/rerank -H 'Content-Type: application/json' \\\n    -d '{body}'\n")
