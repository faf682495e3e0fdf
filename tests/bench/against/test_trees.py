from __future__ import annotations

from pathlib import Path

import pytest

from .trees import ROOT, checked_out, commit_of, tree_server


def test_a_commit_is_found_by_any_name_of_it() -> None:
    commit = commit_of("HEAD")
    assert commit is not None
    assert commit_of(commit[:10]) == commit
    assert commit_of("no-such-branch") is None


def test_a_tree_is_there_until_its_block_ends() -> None:
    commit = commit_of("HEAD")
    assert commit is not None
    with checked_out(commit) as tree:
        assert (tree / "service" / "src" / "bge_reranker" / "__init__.py").exists()
        assert tree != ROOT
    assert not tree.exists()


def test_a_tree_without_the_package_is_not_served_by_another_one(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="which is not its own"), tree_server(tmp_path, "demo", 1.0):
        pass
