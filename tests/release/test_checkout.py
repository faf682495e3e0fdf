from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from release.checkout import addressed, checkout, finish, git

DAY = dt.date(2026, 12, 1)


def test_a_release_is_a_commit_that_the_branch_gets_with_its_tag_at_the_end(repository: Path) -> None:
    before = git(repository, "rev-parse", "HEAD")
    with checkout(repository, "HEAD") as sources:
        sources.become("0.2.0", DAY)
        commit = sources.commit
        assert git(repository, "rev-parse", "HEAD") == before, "not yet"
        said = finish(repository, commit, "v0.2.0", ["Release 0.2.0", sources.notes("0.2.0")])
    assert git(repository, "rev-parse", "HEAD", "v0.2.0^{commit}").split() == [commit, commit]
    assert "## [0.2.0] - 2026-12-01\n\n- Something new." in (repository / "CHANGELOG.md").read_text()
    assert git(repository, "for-each-ref", "--format=%(contents)", "refs/tags/v0.2.0").endswith("- Something new.")
    assert "neither was pushed" in said


def test_a_release_that_fails_leaves_branch_tags_and_worktrees_as_they_were(repository: Path) -> None:
    before = git(repository, "rev-parse", "HEAD")
    with checkout(repository, "HEAD") as sources:
        sources.become("0.2.0", DAY)
    assert git(repository, "rev-parse", "HEAD") == before
    assert git(repository, "tag", "--list") == ""
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert "[0.2.0]" not in (repository / "CHANGELOG.md").read_text()


def test_a_branch_that_moved_meanwhile_keeps_its_commit_and_the_tag_says_where_the_release_is(repository: Path) -> None:
    with checkout(repository, "HEAD") as sources:
        sources.become("0.2.0", DAY)
        (repository / "more.txt").write_text("meanwhile")
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--message=Meanwhile")
        moved = git(repository, "rev-parse", "HEAD")
        said = finish(repository, sources.commit, "v0.2.0", ["Release 0.2.0"])
    assert git(repository, "rev-parse", "HEAD") == moved
    assert "`git merge v0.2.0`" in said
    assert git(repository, "log", "-1", "--format=%s", "v0.2.0") == "Release 0.2.0"


def test_files_of_images_are_readable_by_all_whatever_the_maintainer_s_umask(repository: Path) -> None:
    before = os.umask(0o077)
    try:
        with checkout(repository, "HEAD") as sources:
            assert (sources.folder / "CHANGELOG.md").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def test_chart_and_manifests_name_the_registry_s_images() -> None:
    values = (
        "image:\n  # `localhost` is where `make image` puts it.\n  registry: localhost\n  repository: bge-reranker\n"
    )
    assert "registry: registry.example/search\n" in addressed(values, "registry.example/search")
    line = "image: localhost/bge-reranker-operator:0.2.0"
    assert addressed(line, "registry.example") == "image: registry.example/bge-reranker-operator:0.2.0"
