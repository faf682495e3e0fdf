"""Code blocks of the documentation: run where that takes neither a cluster nor a download, otherwise checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.control_plane.processes import free_port

from .blocks import Block, blocks, blocks_of
from .commands import complaint
from .guide import CHINESE_GUIDE, GUIDE

BIN = Path(sys.executable).parent
TIME_LIMIT_S = 120.0


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, str]]:
    """A server of the embedded model: the ports in the documentation, and those that it has here."""
    given = {"8000": str(free_port()), "8001": str(free_port())}
    flags = ["--port", given["8000"], "--management-port", given["8001"], "--drain-delay-s", "0", "--threads", "1"]
    with subprocess.Popen([BIN / "bge-reranker", "serve", *flags], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(line.startswith("Ready: ") for line in process.stdout)
        try:
            yield given
        finally:
            process.terminate()


def is_run(block: Block) -> bool:
    """Whether its commands need nothing but this machine and the embedded model."""
    return all(
        command[0] in {"curl", "printf"} or command[:2] in (["bge-reranker", "rerank"], ["bge-reranker", "plan"])
        for command in block.commands
    )


# The blocks of the guides need those before them: `test_guide` runs them in order.
SHELL, PYTHON = (
    [block for block in blocks(name) if block.page not in {GUIDE, CHINESE_GUIDE}] for name in ("sh", "python")
)
RUN = [block for block in SHELL if is_run(block)]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
    )


@pytest.mark.parametrize("block", RUN, ids=str)
def test_a_command_of_the_documentation_works_as_printed(block: Block, ports: dict[str, str], tmp_path: Path) -> None:
    text = block.text.replace("curl ", "curl --fail-with-body ")
    for documented, here in ports.items():
        text = text.replace(f"127.0.0.1:{documented}", f"127.0.0.1:{here}")
    done = run(["bash", "-euo", "pipefail", "-c", text], tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_of_the_documentation_works_as_printed(block: Block, tmp_path: Path) -> None:
    done = run([sys.executable, "-c", block.text], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("block", [block for block in blocks("sh") if block not in RUN], ids=str)
def test_every_other_command_exists_and_takes_what_it_is_given(block: Block) -> None:
    assert [said for command in block.commands if (said := complaint(block, command))] == []


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_of_the_documentation_can_be_read(block: Block) -> None:
    assert yaml.safe_load(block.text)


def test_every_block_says_its_language() -> None:
    assert [str(block) for block in blocks() if block.language not in {"sh", "python", "yaml", "text"}] == []


def test_something_is_run() -> None:
    assert {block.page for block in RUN} >= {"README.md", "docs/api.md", "docs/operations.md", "docs/python.md"}


def test_both_quick_starts_and_the_readme_say_the_same() -> None:
    english = [block.text for block in blocks_of("docs/quickstart.md")]
    assert [block.text for block in blocks_of("docs/zh/quickstart.md")] == english
    readme = [block.text for block in blocks_of("README.md") if block.language == "sh"]
    assert [text for text in readme if text not in english] == []


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md", "docs/zh/quickstart.md"])
def test_images_are_called_by_the_version_that_is_built(page: str) -> None:
    version = re.search(r'^appVersion: "?([\w.]+)', Path("charts/bge-reranker/Chart.yaml").read_text(), re.MULTILINE)
    assert version is not None
    loaded = re.findall(r"IMAGE=localhost/bge-reranker\S*?:(\d[\d.]*)", Path(page).read_text(encoding="utf-8"))
    assert set(loaded) == {version[1]}
