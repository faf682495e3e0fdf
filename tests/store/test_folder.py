"""Models from this machine: folders, claims, bundles; and what may not be read or written there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bge_reranker.errors import CorruptFile, DiskFull, SettingsError, UnknownModel
from bge_reranker.store.lease import leased_keys, take_lease
from bge_reranker.store.manifest import hash_model
from bge_reranker.store.paths import Store

from .models import NEEDED, contents, fetch, model_files
from .servers.faulty import Handler
from .servers.hub import running_hub


def write_model(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    folder.mkdir(parents=True)
    for name, content in (files or model_files()).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("source", ["file://{0}/claims/claim/model", "{0}/claims/claim/model", "pvc://claim/model"])
def test_a_folder_is_copied_by_path_and_by_claim(tmp_path: Path, source: str) -> None:
    write_model(tmp_path / "claims" / "claim" / "model")
    fetched = fetch(tmp_path / "store", source.format(tmp_path), claims=tmp_path / "claims")
    assert contents(fetched.version.path) == {name: model_files()[name] for name in NEEDED}


def test_the_embedded_model_is_a_source(tmp_path: Path) -> None:
    fetched = fetch(tmp_path, "demo")
    assert fetched.version.name == "demo"
    assert fetched.version.revision == fetched.manifest.digest[:12]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="no folder"):
        fetch(tmp_path / "store", f"file://{tmp_path}/nothing")


def test_a_claim_cannot_be_left_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="climbs out"):
        fetch(tmp_path / "store", "pvc://claim/../other", claims=tmp_path)


def test_a_claim_has_a_name(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", model_files())
    with pytest.raises(UnknownModel, match="names no model"):
        fetch(tmp_path / "store", f"pvc://{folder}")


def test_a_path_that_the_file_system_does_not_take_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match="cannot be read: File name too long"):
        fetch(tmp_path, f"file://{tmp_path}/{'x' * 300}")


def test_a_name_that_no_line_of_a_digest_can_hold_is_refused_where_it_lies(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", {**model_files(), "two\nlines.model": b"x"})
    with pytest.raises(CorruptFile, match="called 'two"):
        hash_model(folder)
    assert sorted(contents(fetch(tmp_path / "store", str(folder)).version.path)) == sorted(NEEDED)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("nothing"), "leads to a file that does not exist"),
        (os.mkfifo, "no ordinary file"),
    ],
    ids=["a link to itself", "a link to nothing", "a pipe"],
)
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    folder = write_model(tmp_path / "model", {name: model_files()[name] for name in ("config.json", "tokenizer.json")})
    make(folder / "model.safetensors")
    with pytest.raises(CorruptFile, match=words):
        fetch(tmp_path / "store", str(folder))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (tmp_path / "secret").write_bytes(b"token")
    (folder / "vocab.txt").symlink_to("../secret")
    with pytest.raises(CorruptFile, match=r"vocab\.txt is a link that leads out"):
        fetch(tmp_path / "store", str(folder))


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "vocab.txt").symlink_to("README.md")
    assert contents(fetch(tmp_path / "store", str(folder)).version.path)["vocab.txt"] == b"a card"


def test_a_folder_that_may_not_be_written_is_a_setting_s_fault(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    (tmp_path / "store").write_text("a file where the store should be")
    with pytest.raises(SettingsError, match="cannot be written"):
        fetch(tmp_path / "store", str(tmp_path / "model"))


def test_a_volume_too_small_is_refused_before_the_first_byte(tmp_path: Path, mounted: Path) -> None:
    write_model(tmp_path / "model", model_files(3_000_000))
    with pytest.raises(DiskFull, match=r"2\.1 MB free, and 3\.0 MB are needed") as raised:
        fetch(mounted, str(tmp_path / "model"))
    assert raised.value.figures["needed_bytes"] == 3_000_000 + sum(
        len(content) for name, content in model_files().items() if name in {"config.json", "tokenizer.json"}
    )


def test_a_volume_that_fills_up_meanwhile_is_full_and_the_next_fetch_goes_on(mounted: Path) -> None:
    files, other = model_files(1_500_000), mounted / "other"

    def take_room(handler: Handler) -> bool:
        # There was room for the weights when they were asked for; another writer takes it before they come.
        if handler.path.startswith("/lfs/") and not other.exists():
            other.write_bytes(bytes(1_000_000))
        return False

    with running_hub() as hub:
        hub.add("org/name", files)
        hub.server.answers.insert(0, take_room)
        with pytest.raises(DiskFull, match="no room is left"):
            fetch(mounted, "hf://org/name", hub.environment)
        other.write_bytes(b"")
        fetched = fetch(mounted, "hf://org/name", hub.environment)
    assert contents(fetched.version.path)["model.safetensors"] == files["model.safetensors"]


def test_a_read_only_store_serves_what_it_has_and_takes_nothing_new(tmp_path: Path, mounted: Path) -> None:
    source = str(write_model(tmp_path / "model"))
    version = fetch(mounted, source).version
    lease = take_lease(version)
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    assert fetch(mounted, source).version == version
    assert list(leased_keys(mounted)) == [version.key]
    lease.release()
    write_model(tmp_path / "new", model_files(seed=3))
    with pytest.raises(SettingsError, match="Read-only file system"):
        fetch(mounted, str(tmp_path / "new"))


def test_a_staging_folder_of_a_killed_fetch_is_no_version(tmp_path: Path) -> None:
    source = str(write_model(tmp_path / "model"))
    staging = tmp_path / "store" / "model-x" / ".default.staging"
    staging.mkdir(parents=True)
    (staging / "config.json").write_text("{}")
    (tmp_path / "store" / "model-x" / "half").mkdir()
    assert list(Store(tmp_path / "store").versions()) == []
    fetch(tmp_path / "store", source)
    assert len(list(Store(tmp_path / "store").versions())) == 1
