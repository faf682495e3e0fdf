"""`bge-reranker keys`: make keys of callers, and the lines by which a server knows them."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from ..errors import SettingsError
from ..guard.api_keys import MIN_KEY_CHARACTERS, check_name, hashed, read_keys
from ..guard.caller import SCOPES
from ..text_files import NotText, read_text

_KEY_BYTES = 32
"""Random bytes of a key: beyond guessing, so that its file may hold a digest that is quick to compute."""

_PREFIX = "bgr_"
"""Start of every key that is made here, by which scanners find one that was published by mistake."""


@click.group()
def keys() -> None:
    """Make keys of callers, and check files of them."""


def _named(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and not check_name(name):
        raise click.BadParameter("1 to 64 letters, digits, dots, dashes and underscores.")
    return name


@keys.command()
@click.option("--name", callback=_named, help="Who has the key; logs, limits and metrics say so.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(sorted(SCOPES)),
    help="What it may do; may be repeated. Default: rerank.",
)
def make(name: str | None, scopes: tuple[str, ...]) -> None:
    """Make a key: the first line is for the caller, the second for the file of keys."""
    key = _PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    click.echo(key)
    click.echo(_line(key, name, scopes))
    click.echo("The first line is shown this once; the second goes into the file of keys.", err=True)


@keys.command("hash")
@click.option("--name", callback=_named, help="Who has the key.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(sorted(SCOPES)), help="What it may do.")
def hash_key(name: str | None, scopes: tuple[str, ...]) -> None:
    """Read a key from standard input and print its line for the file of keys."""
    key = sys.stdin.readline().strip()
    if len(key) < MIN_KEY_CHARACTERS:
        raise SettingsError(f"A key has at least {MIN_KEY_CHARACTERS} characters; this one has {len(key)}.")
    click.echo(_line(key, name, scopes))


@keys.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Read a file of keys as a server would, and say who may do what."""
    try:
        text = read_text(file)
    except NotText as error:
        raise SettingsError(f"The file {file} {error}.") from None
    for key in read_keys(text, str(file)).keys:
        click.echo(f"{key.fingerprint}  {key.caller.name}  {','.join(sorted(key.caller.scopes))}")


def _line(key: str, name: str | None, scopes: tuple[str, ...]) -> str:
    words = [hashed(key)]
    if name is not None:
        words.append(f"name={name}")
    if scopes:
        words.append(f"scopes={','.join(scopes)}")
    return " ".join(words)
