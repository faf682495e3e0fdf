from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from release.refusals import disk_has_room, key_is_there, registry_is_fit, tree_is_ready, version_is_fit


@pytest.mark.parametrize("version", ["", "1", "1.2", "v1.2.3", "1.2.3-rc.1", "01.2.3", "1.2.3\n"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(click.ClickException, match=r"must be MAJOR\.MINOR\.PATCH"):
        version_is_fit(version, "0.1.0")


def test_an_older_version_than_the_tree_s_is_refused_and_its_own_or_a_later_one_is_not() -> None:
    with pytest.raises(click.ClickException, match=r"VERSION is 0\.9\.9, and this tree is at 0\.10\.0"):
        version_is_fit("0.9.9", "0.10.0")
    version_is_fit("0.10.0", "0.10.0")
    version_is_fit("0.10.1", "0.10.0")


@pytest.mark.parametrize("registry", ["", "https://registry.example", "registry.example/", "registry.example/Search"])
def test_what_is_no_address_of_a_registry_is_refused(registry: str) -> None:
    with pytest.raises(click.ClickException, match="REGISTRY is"):
        registry_is_fit(registry)


@pytest.mark.parametrize("registry", ["registry.example", "registry.example:5000/search/team", "[::1]:5000"])
def test_addresses_of_registries_are_taken(registry: str) -> None:
    registry_is_fit(registry)


def test_a_key_that_is_missing_or_has_no_password_is_refused_and_one_of_a_kms_is_not(tmp_path: Path) -> None:
    key = tmp_path / "cosign.key"
    with pytest.raises(click.ClickException, match="which is no file: name the private key"):
        key_is_there(str(key), {})
    key.write_text("a key")
    with pytest.raises(click.ClickException, match="COSIGN_PASSWORD is not set"):
        key_is_there(str(key), {})
    key_is_there(str(key), {"COSIGN_PASSWORD": ""})
    key_is_there("awskms:///alias/releases", {})


def test_a_tree_with_changes_or_with_the_tag_is_refused(repository: Path) -> None:
    tree_is_ready(repository, "v0.2.0")
    (repository / "new.txt").write_text("not committed")
    with pytest.raises(click.ClickException, match=r"changes that no commit has, as of new\.txt \(1 in all\)"):
        tree_is_ready(repository, "v0.2.0")
    (repository / "new.txt").unlink()
    subprocess.run(["git", "tag", "v0.2.0"], cwd=repository, check=True)
    with pytest.raises(click.ClickException, match=r"The tag v0\.2\.0 exists"):
        tree_is_ready(repository, "v0.2.0")


def test_a_disk_without_room_is_refused_with_what_it_has_and_what_is_needed(tmp_path: Path) -> None:
    disk_has_room(tmp_path, 1, "the release")
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(click.ClickException, match=r"has \d+\.\d GB free, and the release needs \d+: make room"):
        disk_has_room(tmp_path, 2 * free, "the release")
