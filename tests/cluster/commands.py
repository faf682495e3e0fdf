"""Runs one short command of another program to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.failures import ClusterError

TIME_LIMIT_S = 300
"""Longest time any one command may take; a hang is a failure."""


def run(
    command: Sequence[str | Path],
    *,
    text_input: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> str:
    """Run a command and give back what it printed.

    Raises:
        ClusterError: It failed or took too long; with the end of its output.
    """
    arguments = [str(word) for word in command]
    try:
        done = subprocess.run(
            arguments,
            input=text_input,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            timeout=time_limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"`{' '.join(arguments)}` did not end within {time_limit_s:g} s.") from error
    if done.returncode != 0:
        output = "\n".join((done.stderr + done.stdout).splitlines()[-15:])
        raise ClusterError(f"`{' '.join(arguments)}` ended with {done.returncode}:\n{output}")
    return done.stdout
