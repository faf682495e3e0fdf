"""The peers' environments, each described by its lock to the hash."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from .direct import ROOT


def python_of(lock: str, cache: Path) -> Path:
    """Return the interpreter of an environment, making the environment if its lock is new.

    Raises:
        subprocess.CalledProcessError: If a package cannot be installed, or its hash is not the lock's.
    """
    described = ROOT / "requirements" / f"{lock}.txt"
    folder = cache / "peers" / f"{lock}-{hashlib.sha256(described.read_bytes()).hexdigest()[:12]}"
    python, complete = folder / "bin" / "python", folder / ".complete"
    if not complete.exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--require-hashes", "--python", python, "-r", described], check=True
        )
        complete.touch()
    return python
