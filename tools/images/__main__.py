"""`python -m images TARGET`: build an image and say with what, how large and of which layers."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import click

from .container_tool import ContainerTool, find_tool
from .debian_base import ensure_base

ROOT = Path(__file__).resolve().parents[2]
"""Top of the repository."""

BASE = "docker.io/library/python:3.11.13-slim-bookworm"
"""What the Dockerfile names; taken where it can be pulled."""


EPOCH = "315532800"
"""The time that all files get: 1980, the first that a zip archive can hold. The commit's would make other layers of the
same files with every commit, and a builder's cache would mix them."""

TARGETS = {
    "service": ("Dockerfile", "localhost/bge-reranker:{version}"),
    "service-cpu": ("Dockerfile", "localhost/bge-reranker:{version}-cpu"),
    "tuning": ("Dockerfile", "localhost/bge-reranker:{version}-tuning"),
    "operator": ("Dockerfile", "localhost/bge-reranker-operator:{version}"),
    "search-pod": ("tests/e2e/search_pod/Dockerfile", "localhost/bge-reranker-search-pod:{version}"),
}
"""Each target with the file that has it and the name that its image gets."""


@click.command()
@click.argument("target", type=click.Choice(list(TARGETS)))
@click.option("--base", default=None, help="Base image, instead of the Dockerfile's; pin it by digest.")
@click.option("--tag", default=None, help="Name of the result, instead of localhost/bge-reranker:VERSION.")
@click.option("--start", is_flag=True, help="Start the image once and have it rank with the embedded model.")
@click.option("--twice", is_flag=True, help="Build it again from scratch; fail if a layer differs.")
def image(*, target: str, base: str | None, tag: str | None, start: bool, twice: bool) -> None:
    """Build one image of this tree."""
    tool = find_tool()
    dockerfile, default_name = TARGETS[target]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    name = tag or default_name.format(version=version)
    arguments = {
        "BASE_IMAGE": base or usual_base(tool),
        "VERSION": version,
        "REVISION": _git("rev-parse", "HEAD"),
        "SOURCE_DATE_EPOCH": EPOCH,
    }
    tool.build(name, ROOT, ROOT / dockerfile, target=target, arguments=arguments)
    click.echo(f"\n{name}, built by {tool.name} on {arguments['BASE_IMAGE']}: {tool.size_bytes(name) / 1e6:,.0f} MB")
    for digest in tool.layers(name):
        click.echo(f"  {digest}")
    if twice:
        again = f"{name}-again"
        tool.build(again, ROOT, ROOT / dockerfile, target=target, arguments=arguments, from_scratch=True)
        _compare(tool.layers(name), tool.layers(again))
    if start:
        click.echo(tool.run(name, "rerank", "capital of France", "-", given="Bananas\nParis is a capital\n"))


def _compare(first: list[str], second: list[str]) -> None:
    if different := [f"{one} and {other}" for one, other in zip(first, second, strict=True) if one != other]:
        raise click.ClickException(
            f"Two builds of this tree differ in {len(different)} layers: {'; '.join(different)}."
        )
    click.echo(f"A second build from scratch gave the same {len(first)} layers.")


def usual_base(tool: ContainerTool) -> str:
    """The Dockerfile's base image, or one like it where that cannot be pulled."""
    if tool.has(BASE) or tool.pulls(BASE):
        return BASE
    return ensure_base(tool)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    image()
