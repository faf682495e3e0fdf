from __future__ import annotations

from pathlib import Path

import pytest

from release.checkout import git
from tests.cluster.failures import ClusterError
from tests.e2e.previous_version import revision_before


def _commit(tree: Path) -> None:
    git(tree, "commit", "--quiet", "--allow-empty", "--message=Something")


def test_an_upgrade_begins_with_the_last_version_before_this_commit(repository: Path) -> None:
    for tag in ("v0.9.0", "v0.10.0", "v0.11.0"):
        _commit(repository)
        git(repository, "tag", tag)
    assert revision_before(tree=repository) == "v0.10.0"
    _commit(repository)
    assert revision_before(tree=repository) == "v0.11.0"


def test_the_first_version_has_none_to_upgrade_from_and_is_told_what_to_name_instead(repository: Path) -> None:
    git(repository, "tag", "v0.1.0")
    with pytest.raises(ClusterError, match=r"the only tag is v0\.1\.0, this commit itself\. Name a commit instead"):
        revision_before(tree=repository)
