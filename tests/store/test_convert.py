"""`model convert`, as a person calls it: what becomes of pickles, and what is said where nothing can be written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from .test_commands import run
from .test_folder import write_model


@pytest.mark.parametrize("target", ["full volume", "read-only volume"])
def test_a_conversion_that_cannot_be_written_says_why(tmp_path: Path, mounted: Path, target: str) -> None:
    torch.save({"a": torch.ones(1_000_000)}, write_model(tmp_path / "model") / "pytorch_model.bin")
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
    folder = write_model(tmp_path / "model", {"config.json": b"{}", "tokenizer.json": b"{}"})
    torch.save({"a": torch.ones(2)}, folder / "pytorch_model.bin")
    environment = {"PATH": "/usr/bin"}
    refused = run("model", "fetch", str(folder), "--dir", str(tmp_path / "store"), environment=environment)
    assert (refused.returncode, "model convert" in refused.stderr) == (18, True)
    output = tmp_path / "converted"
    assert run("model", "convert", str(folder), "--output", str(output), environment=environment).returncode == 0
    assert torch.equal(load_file(output / "model.safetensors")["a"], torch.ones(2))
    assert run("model", "fetch", str(output), "--dir", str(tmp_path / "store"), environment=environment).returncode == 0
