"""A folder that a command writes: whole or not at all, by one process at a time, whatever ended the one before.

What must not be here: what is written.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from ..errors import RerankerError, SettingsError
from ..store.layout import LOCK_SUFFIX, unwritable
from ..store.lock import hold

_REMEDY = "Let the process write there, or name another --output."


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Yield an empty folder beside the output, which gets its name if the block ends well and goes if it does not.

    What a killed process left of the same output goes first. That nothing can be written there is said before the
    block, which may be long work.

    Raises:
        SettingsError: The folder exists, before or after the block, cannot be written, or another process writes it.
        DiskFull: No room is left.
    """
    _refuse_existing(output)
    _refuse_undecodable(output)
    staging = output.with_name(f".{output.name}.partial")

    def told(_: Path, error: OSError) -> RerankerError:
        return unwritable(output, error, remedy=_REMEDY)

    def taken(_: float) -> NoReturn:
        raise SettingsError(
            f"--output {output} is being written by another process.", remedy="Wait for it, or name another folder."
        )

    with hold(output.with_name(f".{output.name}{LOCK_SUFFIX}"), lambda: False, taken, told):
        try:
            if staging.exists():
                shutil.rmtree(staging)
            staging.mkdir()
            yield staging
            _refuse_existing(output)
            staging.rename(output)
        except OSError as error:
            if _is_about(staging, error):
                raise told(output, error) from error
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _is_about(staging: Path, error: OSError) -> bool:
    """Whether the output is what failed: what a write to an open file says names none, a copy names two."""
    named = [Path(str(name)) for name in (error.filename, error.filename2) if name is not None]
    return any(name.is_relative_to(staging) for name in named) if named else error.errno != errno.ENOMEM


def _refuse_existing(output: Path) -> None:
    # A link to nothing is there as well: no folder can get its name.
    if os.path.lexists(output):
        raise SettingsError(f"--output {output} exists already.", remedy="Name a folder that does not exist.")


def _refuse_undecodable(output: Path) -> None:
    """What reads and writes models takes names as text, and blames the model for one that is none."""
    try:
        str(output).encode()
    except UnicodeEncodeError:
        raise SettingsError(f"--output {output} is not UTF-8.", remedy="Name another folder.") from None
