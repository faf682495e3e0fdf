"""Runs the guide from its first block to its last, in one folder, as its reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .blocks import Block, blocks_of

GUIDE = "docs/guide.md"
CHINESE_GUIDE = "docs/zh/guide.md"
BIN = Path(sys.executable).parent
TIME_LIMIT_S = 600.0
_ELSEWHERE = {"git", "make", "sudo", "helm", "kubectl"}
"""Programs of blocks that want a cluster, a network or a system to install into; other tests check these."""

_NEEDS_NETWORK = ("model fetch", "hf://")


@dataclass(frozen=True)
class Step:
    """A block that is run, and what its page says that it prints."""

    block: Block
    expected: str

    @property
    def is_server(self) -> bool:
        """Whether it serves until it is stopped."""
        return self.block.commands[0][:2] == ["bge-reranker", "serve"] if self.block.language == "sh" else False


def steps(page: str = GUIDE) -> Iterator[Step]:
    """The blocks that are run, in order; a block of text right behind one is what it prints."""
    found = blocks_of(page)
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.language == "python" or (block.language == "sh" and _is_run(block)):
            expected = following.text if following is not None and following.language == "text" else ""
            yield Step(block, expected)


def _is_run(block: Block) -> bool:
    programs = {command[0] for command in block.commands}
    return not programs & _ELSEWHERE and not any(words in block.text for words in _NEEDS_NETWORK)


def complaint(printed: str, expected: str) -> str:
    """What an output lacks; empty if it is as the page has it.

    Args:
        printed: The output.
        expected: Its lines in order, `...` for anything; blanks are all the same.
    """
    plain = " ".join(printed.split())
    pattern = ".*?".join(re.escape(" ".join(part.split())) for part in re.split(r"\.\.\.|\n", expected) if part.strip())
    return "" if re.search(pattern, plain) else f"{plain!r} does not have {expected!r}"


@dataclass
class Reader:
    """Somebody who follows the guide.

    Attributes:
        folder: Where the blocks run.
        ports: A port of the page to the one that stands for it here.
    """

    folder: Path
    ports: Mapping[str, str]
    _server: subprocess.Popen[str] | None = field(default=None)
    _rest: threading.Thread | None = field(default=None)

    def follow(self, step: Step) -> str:
        """Run a block.

        Returns:
            What it printed; of a server what it says until it is ready.
        """
        text = self._here(step.block.text)
        if step.is_server:
            return self._serve(text)
        program = ["bash", "-euo", "pipefail", "-c"] if step.block.language == "sh" else [sys.executable, "-c"]
        done = subprocess.run(
            [*program, text],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, f"{step.block}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def stop(self) -> None:
        """Stop its server, if there is one."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(TIME_LIMIT_S)
            if self._rest is not None and self._server.stdout is not None:
                self._rest.join(TIME_LIMIT_S)
                self._server.stdout.close()
            self._server = None

    @property
    def _environment(self) -> dict[str, str]:
        own = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "BGE_RERANKER_PORT": self.ports["8000"],
            "BGE_RERANKER_MANAGEMENT_PORT": self.ports["8001"],
            "BGE_RERANKER_DRAIN_DELAY_S": "0",
        }
        return os.environ | own

    def _here(self, text: str) -> str:
        for documented, here in self.ports.items():
            text = text.replace(f"127.0.0.1:{documented}", f"127.0.0.1:{here}")
        return text

    def _serve(self, text: str) -> str:
        self.stop()
        self._server = subprocess.Popen(
            shlex.split(text.replace("\\\n", " ")),
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._server.stdout is not None
        said = ""
        for line in self._server.stdout:
            said += line
            if line.startswith("Ready: "):
                break
        # What it says later must not fill the pipe.
        self._rest = threading.Thread(target=self._server.stdout.read)
        self._rest.start()
        return said
