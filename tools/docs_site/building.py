"""The run of zensical."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from .staging import stage

_SETTINGS = Path(__file__).with_name("zensical.toml")


def build_site(folder: Path) -> Path:
    """Build the site; a warning of zensical's is an error.

    Args:
        folder: Where its sources go, and zensical's own files.

    Returns:
        The folder of the site.

    Raises:
        subprocess.CalledProcessError: If zensical finds something wrong; it has said so on standard output.
    """
    stage(folder / "site-source")
    settings = folder / _SETTINGS.name
    shutil.copyfile(_SETTINGS, settings)
    program = Path(sys.executable).with_name("zensical")
    subprocess.run([program, "build", "--clean", "--strict", "--config-file", settings], check=True)  # noqa: S603 - our own arguments
    return folder / "site"
