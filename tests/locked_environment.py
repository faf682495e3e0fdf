"""Environments of other programs, each described by its lock to the hash, that stay between runs."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path


def python_of(name: str, lock: Path, cache: Path) -> Path:
    """Return the interpreter of an environment, making the environment if its lock is new.

    Args:
        name: What the environment is called in the cache.
        lock: Its packages with versions and hashes.
        cache: Folder of environments.

    Raises:
        subprocess.CalledProcessError: If a package cannot be installed, or its hash is not the lock's.
    """
    folder = cache / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python, complete = folder / "bin" / "python", folder / ".complete"
    cache.mkdir(parents=True, exist_ok=True)
    # Processes that run side by side want the same environment.
    with (cache / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not complete.exists():
            uv = Path(sys.executable).with_name("uv")
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
            subprocess.run(
                [uv, "pip", "install", "--quiet", "--require-hashes", "--python", python, "-r", lock], check=True
            )
            complete.touch()
    return python
