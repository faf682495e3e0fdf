from __future__ import annotations

from pathlib import Path

import pytest

from release.checkout import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit, of a tree with a changelog and a version."""
    tree = tmp_path / "repository"
    tree.mkdir()
    git(tree, "init", "--quiet", "--initial-branch=main")
    for name, value in (("user.name", "A test"), ("user.email", "test@example.org")):
        git(tree, "config", name, value)
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n- Something new.\n")
    (tree / "pyproject.toml").write_text('[project]\nname = "tree"\nversion = "0.2.0"\n')
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message=The first")
    return tree
