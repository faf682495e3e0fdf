"""`model convert`, as a person calls it: what becomes of pickles, and what is said where nothing can be written."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bge_reranker.cli.model.convert import _copy
from bge_reranker.errors import CorruptFile

from .test_commands import run
from .test_folder import write_model

SAYS_WHAT_SIGTERM_INTERRUPTS = """
import signal, sys
from bge_reranker.cli.main import program
signal.signal = lambda *_: print("torch" in sys.modules)
program(sys.argv[1:])
"""


def write_pickled(folder: Path, numbers: int = 2) -> Path:
    write_model(folder, {"config.json": b"{}", "tokenizer.json": b"{}"})
    torch.save({"a": torch.ones(numbers)}, folder / "pytorch_model.bin")
    return folder


@pytest.mark.parametrize("target", ["full volume", "read-only volume"])
def test_a_conversion_that_cannot_be_written_says_why(tmp_path: Path, mounted: Path, target: str) -> None:
    write_pickled(tmp_path / "model", 1_000_000)
    code, words = 13, "DiskFull"
    if target == "read-only volume":
        subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
        code, words = 1, "Read-only file system. Let the process write there, or name another --output."
    converting = ("model", "convert", str(tmp_path / "model"), "--output", str(mounted / "converted"))
    answer = run(*converting, environment={"PATH": "/usr/bin"})
    assert answer.returncode == code, answer.stderr
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(mounted.iterdir()) == []


def test_pickles_are_converted_by_command_and_the_result_is_fetched(tmp_path: Path) -> None:
    folder = write_pickled(tmp_path / "model")
    environment = {"PATH": "/usr/bin"}
    refused = run("model", "fetch", str(folder), "--dir", str(tmp_path / "store"), environment=environment)
    assert (refused.returncode, "model convert" in refused.stderr) == (18, True)
    output = tmp_path / "converted"
    assert run("model", "convert", str(folder), "--output", str(output), environment=environment).returncode == 0
    assert torch.equal(load_file(output / "model.safetensors")["a"], torch.ones(2))
    assert run("model", "fetch", str(output), "--dir", str(tmp_path / "store"), environment=environment).returncode == 0


def test_pickles_beside_safetensors_are_not_converted_over_them(tmp_path: Path) -> None:
    folder = write_model(write_pickled(tmp_path / "model") / "both")
    (folder / "pytorch_model.bin").write_bytes((tmp_path / "model" / "pytorch_model.bin").read_bytes())
    answer = run("model", "convert", str(folder), "--output", str(tmp_path / "x"), environment={"PATH": "/usr/bin"})
    assert answer.returncode == 1
    assert "has its weights as safetensors" in answer.stderr


def test_sigterm_raises_no_exception_in_the_middle_of_torch_s_import(tmp_path: Path) -> None:
    write_pickled(tmp_path / "model")
    converting = ["model", "convert", str(tmp_path / "model"), "--output", str(tmp_path / "converted")]
    command = [sys.executable, "-c", SAYS_WHAT_SIGTERM_INTERRUPTS, *converting]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[0] == "True"


@pytest.mark.parametrize("kind", ["link to nothing", "pipe"])
def test_what_cannot_be_read_of_the_source_is_named(tmp_path: Path, kind: str) -> None:
    folder = write_pickled(tmp_path / "model")
    if kind == "pipe":
        os.mkfifo(folder / "odd.json")
    else:
        (folder / "odd.json").symlink_to("nowhere")
    output = tmp_path / "converted"
    answer = run("model", "convert", str(folder), "--output", str(output), environment={"PATH": "/usr/bin"})
    assert answer.returncode == 15, answer.stderr
    assert answer.stderr.startswith(f"CorruptFile: {folder / 'odd.json'} ")
    assert "Traceback" not in answer.stderr
    assert not output.exists()


def test_a_file_of_the_source_that_may_not_be_read_is_named() -> None:
    # Not in pytest's folder, which is closed to everybody but its owner.
    with tempfile.TemporaryDirectory() as name:
        folder, target = Path(name) / "model", Path(name) / "copy"
        folder.mkdir()
        target.mkdir()
        (folder / "odd.json").write_text("{}")
        (folder / "odd.json").chmod(0)
        for path in (Path(name), target):
            path.chmod(0o777)
        with as_nobody(), pytest.raises(CorruptFile, match=r"odd\.json cannot be read: Permission denied"):
            _copy(folder, target)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(user)
