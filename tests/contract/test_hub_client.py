"""The hub's client is used through its public names: private ones change without notice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_tree import ROOT, tracked_files

CLIENT = "huggingface_hub"


def imported_names(source: str) -> Iterator[str]:
    """Full names of what a module imports, `from a import b` as `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_of_client(name: str) -> bool:
    return name.partition(".")[0] == CLIENT


def private_names(source: str) -> list[str]:
    """Names of the client that a module imports and that begin with an underscore, or lie in a module that does."""
    return [name for name in imported_names(source) if is_of_client(name) and "._" in name]


def python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py" and CLIENT in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_private_name_of_the_hub_s_client_is_imported(path: Path) -> None:
    assert private_names(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from huggingface_hub.utils._http import get_session", ["huggingface_hub.utils._http.get_session"]),
        ("import huggingface_hub._login", ["huggingface_hub._login"]),
        ("def late():\n    from huggingface_hub import _login", ["huggingface_hub._login"]),
        ("from huggingface_hub.utils import get_session", []),
        ("from another._module import name", []),
    ],
)
def test_a_private_name_is_noticed(source: str, found: list[str]) -> None:
    assert private_names(source) == found
