"""`bge-reranker settings`."""

from __future__ import annotations

import click

from ..configuration import settings_list
from ..setting_bounds import setting_bounds
from .setting_options import shown_default


@click.command()
@click.option("--markdown", is_flag=True, help="Print the table of the documentation.")
def settings(*, markdown: bool) -> None:
    """List every setting: its key, flag, environment variable, default and meaning."""
    if markdown:
        click.echo(markdown_table())
        return
    for setting in settings_list():
        text = " ".join((setting.info.description or "").split())
        click.secho(setting.key, bold=True, nl=False)
        click.echo(f"  {setting.flag}  {setting.variable}  [default: {shown_default(setting)}]")
        click.echo(f"    {text} It must be {setting_bounds()[setting.key].words}.")


def markdown_table() -> str:
    """The table that the documentation holds; `make generate` puts it there."""
    rows = ["| key | default | meaning | allowed |", "| --- | --- | --- | --- |"]
    for setting in settings_list():
        text = " ".join((setting.info.description or "").split()).replace("|", "\\|")
        words = setting_bounds()[setting.key].words
        rows.append(f"| `{setting.key}` | {shown_default(setting)} | {text} | {words} |")
    return "\n".join(rows)
