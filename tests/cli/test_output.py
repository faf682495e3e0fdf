"""A folder that a command writes: whole or not at all, whatever became of the process before."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bge_reranker.cli.output import new_folder
from bge_reranker.errors import DiskFull, SettingsError

DIES_AT_WORK = """
import os, signal, sys
from pathlib import Path
from bge_reranker.cli.output import new_folder

with new_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("written")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_gets_its_name_with_all_that_is_in_it_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    with new_folder(tmp_path / "new" / "model") as folder:
        (folder / "config.json").write_text("{}")
        assert not (tmp_path / "new" / "model").exists()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model"]
    assert (tmp_path / "new" / "model" / "config.json").read_text() == "{}"


def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    output = tmp_path / "model"
    killed = subprocess.run([sys.executable, "-c", DIES_AT_WORK, str(output)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert any(tmp_path.rglob("half"))
    with new_folder(output) as folder:
        assert list(folder.iterdir()) == []
    assert list(tmp_path.iterdir()) == [output]


def test_what_can_be_no_new_folder_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    for name, words in (
        ("link", "exists already"),
        ("a" * 256, "File name too long"),
        ("not-\udcff", "is not UTF-8"),
    ):
        with pytest.raises(SettingsError, match=words), new_folder(tmp_path / name):
            pytest.fail("there is no use in working")
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    output = tmp_path / "model"
    with new_folder(output) as folder:
        (folder / "config.json").write_text("{}")
        with pytest.raises(SettingsError, match="is being written by another process"), new_folder(output):
            pass
    assert (output / "config.json").is_file()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (OSError(errno.EFBIG, "File too large"), SettingsError),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), OSError),
        (OSError(errno.EIO, "Input/output error", "/models/model.safetensors"), OSError),
    ],
)
def test_only_what_the_output_is_to_blame_for_is_told_of_it(
    tmp_path: Path, error: OSError, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as raised, new_folder(tmp_path / "model"):
        raise error
    assert isinstance(raised.value, SettingsError | DiskFull) == (kind is not OSError)
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_names_two_files_is_told_of_the_output_if_one_lies_in_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written") as raised, new_folder(tmp_path / "model") as folder:
        raise OSError(errno.EACCES, "Permission denied", "/elsewhere/a", None, str(folder / "a"))
    assert str(tmp_path / "model") in raised.value.sentence()
