"""Additions are made to a copy of the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from .tree import TreeCopy


@pytest.fixture
def tree(tmp_path: Path) -> TreeCopy:
    return TreeCopy(tmp_path / "tree")
