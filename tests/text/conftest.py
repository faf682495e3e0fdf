"""Tokenizer folders for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .trained import FAMILIES

FolderOf = Callable[[str], Path]


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """A function from a family's name to a folder with its tokenizer and configuration files."""
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            path = tmp_path_factory.mktemp(family)
            (path / "tokenizer.json").write_text(FAMILIES[family](), encoding="utf-8")
            (path / "config.json").write_text(json.dumps({"type_vocab_size": 2 if family == "bert" else 1}))
            (path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 512}))
            made[family] = path
        return made[family]

    return folder
