"""What a command writes: folders whole or not at all, files that can be written, and an output that may be full."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from ..errors import DiskFull, RerankerError, SettingsError
from ..store.lock import hold
from ..store.paths import LOCK_SUFFIX, unwritable

_REMEDY = "Let the process write there, or name another --output."

PICTURES = (".png", ".svg", ".pdf")
"""Endings of the pictures that are drawn."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a write says where its volume, quota or device takes no more."""


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Yield an empty folder beside the output, which gets its name if the block ends well and goes if it does not.

    What a killed process left of the same output goes first. That nothing can be written there is said before the
    block, which may be long work.

    Raises:
        SettingsError: The folder exists, before or after the block, cannot be written, or another process writes it.
        DiskFull: No room is left.
    """
    refuse_existing(output)
    _refuse_undecodable(output)
    staging = output.with_name(f".{output.name}.partial")

    def on_unwritable(_: Path, error: OSError) -> RerankerError:
        return unwritable(output, error, remedy=_REMEDY)

    def taken(_: float) -> NoReturn:
        raise SettingsError(
            f"--output {output} is being written by another process.", remedy="Wait for it, or name another folder."
        )

    with hold(output.with_name(f".{output.name}{LOCK_SUFFIX}"), lambda: False, taken, on_unwritable):
        try:
            if staging.exists():
                shutil.rmtree(staging)
            staging.mkdir()
            yield staging
            refuse_existing(output)
            staging.rename(output)
        except OSError as error:
            if _is_about(staging, error):
                raise on_unwritable(output, error) from error
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _is_about(staging: Path, error: OSError) -> bool:
    """Whether the output is what failed: what a write to an open file says names none, a copy names two."""
    named = [Path(str(name)) for name in (error.filename, error.filename2) if name is not None]
    return any(name.is_relative_to(staging) for name in named) if named else error.errno != errno.ENOMEM


def refuse_existing(output: Path) -> None:
    """Say before long work that its folder is there already.

    Raises:
        SettingsError: If it is.
    """
    # A link to nothing is there as well: no folder can get its name.
    if os.path.lexists(output):
        raise SettingsError(f"--output {output} exists already.", remedy="Name a folder that does not exist.")


def _refuse_undecodable(output: Path) -> None:
    """What reads and writes models takes names as text, and blames the model for one that is none."""
    try:
        str(output).encode()
    except UnicodeEncodeError:
        raise SettingsError(f"--output {output} is not UTF-8.", remedy="Name another folder.") from None


def refuse_unwritable(file: Path, option: str, endings: Sequence[str] = ()) -> None:
    """Say before long work that its result could not be written.

    Args:
        file: Where it will go.
        option: What named it.
        endings: Those that its name may have; none for any.

    Raises:
        SettingsError: If its folder is not there, nothing can be written in it, or its name ends in something else.
    """
    if endings and file.suffix not in endings:
        raise SettingsError(
            f"{option} {file} ends in none of {', '.join(endings)}.", remedy="Name a file that ends in one of them."
        )
    folder = file.parent
    if not folder.is_dir():
        raise SettingsError(f"{option} {file}: there is no folder {folder}.", remedy="Make it, or name another file.")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise SettingsError(
            f"{option} {file} cannot be written.", remedy="Let the process write there, or name another file."
        )


@contextmanager
def written(file: Path, option: str) -> Iterator[None]:
    """Say in our words what keeps the block from writing a file.

    Raises:
        SettingsError: If it cannot be written.
        DiskFull: If no room is left.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(
                f"{option} {file} cannot be written: {error.strerror}.", remedy="Free its volume, or name another file."
            ) from error
        raise unwritable(file, error, remedy="Let the process write there, or name another file.") from error


@contextmanager
def checked_output() -> Iterator[None]:
    """Bring out what was printed when the block ends, and say in our words where that is not possible.

    Raises:
        DiskFull: If standard output or standard error takes no more.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in {*_FULL, errno.EPIPE}:
            raise
        # What is left in the buffer would be tried once more, and complained of, when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno == errno.EPIPE:
            # Who reads has seen enough.
            sys.exit(1)
        raise DiskFull(
            f"The output cannot be written: {error.strerror}.",
            remedy="Free its volume, or send the output somewhere else.",
        ) from error
