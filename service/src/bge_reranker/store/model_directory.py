"""A model's folder, checked before it is served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..checkpoint_files import CONFIG_FILE
from ..errors import UnknownModel
from .paths import Version, refuse_incomplete, version_at
from .source import Source

DEMO_REFERENCE = "demo"
"""The name of the embedded model."""

DEMO_CLIP_REFERENCE = "demo-clip"
"""The name of the embedded dual encoder."""

EMBEDDED_REFERENCES = (DEMO_REFERENCE, DEMO_CLIP_REFERENCE)
"""Names of all embedded models."""

MAX_LISTED = 5
"""Most near misses that an error lists."""


@dataclass(frozen=True, slots=True)
class ModelDirectory:
    """A model's folder and what it is called."""

    path: Path
    """Folder with config.json, weights and tokenizer files."""
    name: str
    """Name under which it is served: `demo`, the folder's name, or `org/name`."""
    revision: str | None
    """Commit of a hub, or the store's name of the version; None for the embedded model and for folders."""
    source: str = ""
    """Where it came from, as a source; a folder is its own."""
    version: Version | None = None
    """The store's version, where it lies in a store."""


def from_folder(path: Path) -> ModelDirectory:
    """Take a folder as a model.

    Raises:
        UnknownModel: If it is a file, or has no config.json.
        CorruptFile: If it is in a store and not complete.
    """
    if path.is_file():
        raise UnknownModel(f"{path} is a file.", remedy=f"Give the folder of the checkpoint: {path.parent}.")
    refuse_incomplete(path)
    if not (path / CONFIG_FILE).is_file():
        raise UnknownModel(f"The folder {path} has no {CONFIG_FILE}.", remedy=_remedy_for_folder(path))
    # Also a version that is served by its path is in use.
    return ModelDirectory(path, path.resolve().name, None, f"file://{path.resolve()}", version_at(path))


def in_place(folder: Path, source: Source) -> ModelDirectory:
    """Take a folder as the model of a source that is served where it lies.

    Raises:
        UnknownModel: If there is no such folder; else as `from_folder`.
    """
    if not folder.exists():
        raise UnknownModel(
            f"{source.shown}: there is no folder {folder}.", remedy="Mount it there, or correct the path."
        )
    return replace(from_folder(folder), source=source.shown)


def _remedy_for_folder(path: Path) -> str:
    """Point at the checkpoint when it lies one or two levels below, as in a Hugging Face cache."""
    below = sorted(file.parent for pattern in ("*", "*/*") for file in path.glob(f"{pattern}/{CONFIG_FILE}"))
    if below:
        return f"A checkpoint lies below it; give {' or '.join(map(str, below[:MAX_LISTED]))}."
    return f"Give the folder that holds {CONFIG_FILE}, the weights and the tokenizer files."
