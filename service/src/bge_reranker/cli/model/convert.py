"""`bge-reranker model convert`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import click

from ...checkpoint_files import weights_in
from ...errors import CorruptFile, SettingsError, UnknownModel, UnsafeFormat
from ..ending import end_tidily_on_sigterm
from ..output import new_folder


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder to write; it must not exist.")
def convert(folder: Path, *, output: Path) -> None:
    """Make safetensors of the pickled weights of a checkpoint. Needs bge-reranker[torch].

    FOLDER holds a checkpoint. Its pickles are loaded weights-only: nothing in them is run, and one that holds more is
    refused.
    """
    if not folder.is_dir():
        raise UnknownModel(f"There is no folder {folder}.", remedy="Give the folder of a checkpoint.")
    if not weights_in(folder, allow_pickle=True).is_pickled:
        raise SettingsError(
            f"{folder} has its weights as safetensors.", remedy="There is nothing to convert; serve it as it is."
        )
    convert_folder = _converter()
    # Not before torch is there: an exception in the middle of its import is lost, or ends the process at once.
    end_tidily_on_sigterm()
    with new_folder(output) as copy:
        _copy(folder, copy)
        convert_folder(copy)
    click.echo(f"Written to {output}.")


def _copy(folder: Path, target: Path) -> None:
    """Copy all but hidden files; shutil's own copying of trees hides why it failed.

    Raises:
        CorruptFile: If one cannot be read.
    """
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts):
            continue
        if path.is_dir():
            (target / relative).mkdir()
        elif not path.is_file():
            raise CorruptFile(f"{path} is no file, or a link to nothing.")
        else:
            _refuse_unreadable(path)
            shutil.copyfile(path, target / relative)


def _refuse_unreadable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise CorruptFile(f"{path} cannot be read: {error.strerror}.") from error


def convert_pickles(folder: Path) -> None:
    """Make safetensors of a folder's pickles and remove them.

    Raises:
        UnsafeFormat: If torch is not installed, or a pickle holds more than weights.
        CorruptFile: If a pickle cannot be read.
    """
    _converter()(folder)


def _converter() -> Callable[[Path], None]:
    try:
        from ...model.torch.pickles import convert_folder  # noqa: PLC0415 - imports torch
    except ModuleNotFoundError as error:
        raise UnsafeFormat(
            f"The weights are pickles, and converting them needs the package {error.name}.",
            remedy="Install bge-reranker[torch] where you fetch, or give a source with safetensors.",
        ) from None
    return convert_folder
