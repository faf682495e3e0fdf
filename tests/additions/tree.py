"""A copy of this tree, to which a test adds a toy: the files that it touches by hand are what such a change costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COPIED = (
    "charts",
    "manifests",
    "operator",
    "service",
    "tools",
    "tests",
    "docs",
    "requirements",
    "README.md",
    "Makefile",
    "pyproject.toml",
)
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache", "*.egg-info", ".hypothesis")
_TIMEOUT_S = 120.0


class TreeCopy:
    """A copy of what is generated from, generated and run.

    Args:
        root: Where it is made; must not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.touched: set[str] = set()
        root.mkdir(parents=True)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=_LEFT_OUT)
            elif source.exists():
                shutil.copy2(source, root / name)

    def write(self, path: str, text: str) -> None:
        """Add a file by hand."""
        target = self.root / path
        assert not target.exists(), f"{path} is there already"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        self.touched.add(path)

    def insert(self, path: str, after: str, text: str) -> None:
        """Add lines by hand, after the only line that contains some text."""
        target = self.root / path
        lines = target.read_text(encoding="utf-8").splitlines(keepends=True)
        found = [number for number, line in enumerate(lines) if after in line]
        assert len(found) == 1, f"{len(found)} lines of {path} contain {after!r}"
        lines.insert(found[0] + 1, text if text.endswith("\n") else text + "\n")
        target.write_text("".join(lines), encoding="utf-8")
        self.touched.add(path)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy, with the copy's packages."""
        packages = [str(self.root / name) for name in ("service/src", "operator/src", "tools", ".")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(packages)}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
