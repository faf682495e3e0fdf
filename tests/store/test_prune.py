"""Old versions go; those in use, being fetched or named to stay do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bge_reranker.store.lease import LEASE_STALE_S, Lease, leased_keys, take_lease
from bge_reranker.store.lock import hold
from bge_reranker.store.paths import Store, Version
from bge_reranker.store.prune import prune

from .models import fetch, model_files
from .test_folder import write_model


def three_versions(directory: Path, folder: Path) -> list[Version]:
    """Three versions of one model, oldest first."""
    versions = []
    for number in range(3):
        source = write_model(folder / str(number) / "model", model_files(1_000, seed=number))
        link = folder / "model"
        link.unlink(missing_ok=True)
        link.symlink_to(source)
        version = fetch(directory, str(link), revision=f"v{number}").version
        os.utime(version.path / "manifest.json", (number, number))
        versions.append(version)
    return versions


def test_gc_keeps_the_newest_versions(tmp_path: Path) -> None:
    oldest, middle, newest = three_versions(tmp_path / "store", tmp_path)
    assert prune(tmp_path / "store", 2) == [oldest]
    assert list(Store(tmp_path / "store").versions()) == [newest, middle]
    assert not oldest.path.exists()
    assert [file.name for file in sorted((newest.path.parent / ".refs").iterdir())] == ["v1", "v2"]


def test_gc_never_touches_a_version_that_a_server_holds(tmp_path: Path) -> None:
    oldest, middle, _ = three_versions(tmp_path / "store", tmp_path)
    lease = take_lease(oldest)
    try:
        assert prune(tmp_path / "store", 1) == [middle]
    finally:
        lease.release()
    assert prune(tmp_path / "store", 1) == [oldest]


def test_a_version_that_a_server_finds_just_before_it_goes_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, middle, newest = three_versions(tmp_path / "store", tmp_path)
    rename, hidden, leases = Path.rename, list[Path](), list[Lease]()

    def find_and_rename(path: Path, target: Path) -> Path:
        # The moment between gc's look at the leases and the manifest's end.
        if path == oldest.path / "manifest.json":
            leases.append(take_lease(oldest))
            hidden.append(path)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", find_and_rename)
    try:
        assert prune(tmp_path / "store", 1) == [middle]
    finally:
        for lease in leases:
            lease.release()
    assert hidden == [oldest.path / "manifest.json"]
    assert list(Store(tmp_path / "store").versions()) == [newest, oldest]


def test_a_lease_of_a_dead_server_ends(tmp_path: Path) -> None:
    oldest, *_ = three_versions(tmp_path / "store", tmp_path)
    lease = take_lease(oldest)
    try:
        (file,) = (tmp_path / "store" / ".leases").iterdir()
        assert list(leased_keys(tmp_path / "store")) == [oldest.key]
        then = file.stat().st_mtime - LEASE_STALE_S - 1
        os.utime(file, (then, then))
        assert list(leased_keys(tmp_path / "store")) == []
        assert not file.exists()
    finally:
        lease.release()


def test_a_lease_is_there_while_it_is_renewed(tmp_path: Path) -> None:
    oldest, *_ = three_versions(tmp_path / "store", tmp_path)
    lease = Lease(tmp_path / "store" / ".leases" / "server", oldest.key, renewal_s=0)
    lease.begin()
    try:
        seen = [list(leased_keys(tmp_path / "store")) for _ in range(1_000)]
    finally:
        lease.release()
    assert seen == [[oldest.key]] * 1_000
    assert list((tmp_path / "store" / ".leases").iterdir()) == []


def test_gc_is_not_held_up_by_what_it_cannot_read(tmp_path: Path) -> None:
    oldest, middle, newest = three_versions(tmp_path / "store", tmp_path)
    (tmp_path / "store" / ".leases" / "folder").mkdir(parents=True)
    (tmp_path / "store" / ".leases" / "server").write_bytes(b"\xff")
    (newest.path.parent / ".refs" / "v9").write_bytes(b"\xff")
    assert prune(tmp_path / "store", 1) == [middle, oldest]


def test_gc_never_touches_a_version_that_is_being_fetched(tmp_path: Path) -> None:
    oldest, middle, _ = three_versions(tmp_path / "store", tmp_path)
    staging = oldest.path.with_name(f".{oldest.path.name}.staging")
    staging.mkdir()
    os.utime(staging, (0, 0))
    with hold(oldest.path.with_name(f".{oldest.path.name}.lock"), lambda: False, lambda _: None):
        assert prune(tmp_path / "store", 1) == [middle]
        assert staging.exists()
    assert prune(tmp_path / "store", 1) == [oldest]
    assert not staging.exists()


def test_gc_leaves_an_unfinished_fetch_of_yesterday_to_be_finished(tmp_path: Path) -> None:
    *_, newest = three_versions(tmp_path / "store", tmp_path)
    staging = newest.path.with_name(".v9.staging")
    staging.mkdir()
    prune(tmp_path / "store", 3)
    assert staging.exists()


def test_gc_of_one_model_leaves_the_others(tmp_path: Path) -> None:
    versions = three_versions(tmp_path / "store", tmp_path)
    assert prune(tmp_path / "store", 1, only="another") == []
    assert len(list(Store(tmp_path / "store").versions())) == len(versions)
