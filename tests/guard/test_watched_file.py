"""Files that change under a running server; the clock is an argument."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bge_reranker.errors import SettingsError
from bge_reranker.guard.api_keys import ApiKeys, read_keys
from bge_reranker.guard.watched_file import WatchedFile

from .observer import Noted


@dataclass
class Watched:
    """A file of keys, its reader, and the time."""

    path: Path
    now: float = 0.0
    noted: Noted = field(default_factory=Noted)

    def __post_init__(self) -> None:
        self.file: WatchedFile[ApiKeys] = WatchedFile(
            self.path, "keysFile", "keys", read_keys, self.noted, clock=lambda: self.now
        )

    def opens(self, key: str, after_s: float = 1.0) -> bool:
        self.now += after_s
        return self.file.content.find(key) is not None


def swap(folder: Path, content: str, version: int) -> None:
    """Change a mounted Secret as the kubelet does: a new folder, and one link that is renamed over the old one."""
    new = folder / f"..v{version}"
    new.mkdir()
    (new / "keys").write_text(content)
    (folder / "..data_tmp").symlink_to(new.name)
    (folder / "..data_tmp").rename(folder / "..data")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    swap(tmp_path, "first-key", 1)
    (tmp_path / "keys").symlink_to("..data/keys")
    return tmp_path


def test_a_swapped_secret_is_read_within_a_second(secret: Path) -> None:
    watched = Watched(secret / "keys")
    swap(secret, "first-key\nsecond-key", 2)
    assert not watched.opens("second-key", after_s=0.5)
    assert watched.opens("second-key", after_s=0.5)
    assert watched.opens("first-key")
    swap(secret, "second-key", 3)
    assert not watched.opens("first-key")
    assert watched.noted.read == {"keys ok": 2}


@pytest.mark.parametrize("content", ["", "short", "# nothing\n"])
def test_the_former_keys_count_while_the_file_makes_no_sense(secret: Path, content: str) -> None:
    watched = Watched(secret / "keys")
    swap(secret, content, 2)
    assert watched.opens("first-key")
    assert watched.opens("first-key")
    assert watched.noted.read == {"keys failed": 1}
    swap(secret, "second-key", 3)
    assert watched.opens("second-key")


def test_a_file_that_goes_and_comes_back_changes_nothing_in_between(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("first-key")
    watched = Watched(tmp_path / "keys")
    (tmp_path / "keys").unlink()
    assert watched.opens("first-key")
    (tmp_path / "keys").write_text("second-key")
    assert watched.opens("second-key")
    assert not watched.opens("first-key")


def test_a_file_written_in_place_is_read_though_its_length_stays(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("first-key1")
    watched = Watched(tmp_path / "keys")
    (tmp_path / "keys").write_text("first-key2")
    os.utime(tmp_path / "keys", ns=(1, 1))
    assert watched.opens("first-key2")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "keys").write_text("first-key\nsecond-key\n", encoding=encoding)
    assert Watched(tmp_path / "keys").opens("first-key")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe", b"# no key yet\n", "a-long-key".encode("utf-16-le")])
def test_a_file_without_keys_never_means_that_everybody_may_call(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(SettingsError, match="keys"):
        Watched(tmp_path / "keys")
    with pytest.raises(SettingsError, match=r"absent.* cannot be read"):
        Watched(tmp_path / "absent")
