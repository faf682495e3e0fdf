"""From what a user calls a model to the folder that holds it. Never asks the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..checkpoint_files import CONFIG_FILE
from ..errors import SettingsError, UnknownModel
from ..settings import ModelSettings
from .hashing import unreadable
from .home import expanded
from .model_directory import DEMO_REFERENCE, EMBEDDED_REFERENCES, MAX_LISTED, ModelDirectory, from_folder
from .paths import Store
from .source import Source
from .sources.registry import parse_source


def resolve_model(
    reference: str, environment: Mapping[str, str], settings: ModelSettings | None = None
) -> ModelDirectory:
    """Find a model.

    Args:
        reference: `demo`, a folder, `org/name[@revision]`, or a source.
        environment: Environment variables, of which HF_HUB_CACHE, HF_HOME, TRANSFORMERS_CACHE, XDG_CACHE_HOME and
            HOME say where caches are.
        settings: Revision, store and claims; by default none.

    Raises:
        UnknownModel: If there is no such model; the message says what was looked for and where.
        CorruptFile: If it is in a store and not complete, or may not be looked at.
        SettingsError: If the environment has a value that no library here takes, or no home directory for a path in it.
    """
    try:
        return _resolve(reference, environment, settings or ModelSettings())
    except OSError as error:
        raise unreadable(Path(str(error.filename)), error) from error


def _resolve(reference: str, environment: Mapping[str, str], settings: ModelSettings) -> ModelDirectory:
    path = expanded(reference)
    if reference not in EMBEDDED_REFERENCES and "://" not in reference and path.exists():
        if settings.revision is not None:
            raise SettingsError(
                f"revision is {settings.revision}, and {path} is a folder, which has none.",
                remedy="Leave revision out, or give the model's source.",
            )
        return from_folder(path)
    source = parse_source(reference, settings.revision)
    if source is None:
        raise _nothing_there(reference, path)
    found = _from_store(source, settings.cache_dir) if settings.cache_dir is not None else None
    return found or source.kind.locate(source, environment, settings)


def _from_store(source: Source, cache_dir: str) -> ModelDirectory | None:
    """The version in the store; None for the embedded model, which need not be there."""
    version = Store(expanded(cache_dir)).find(source)
    if version is not None:
        name = source.kind.served_name(source.location) or version.name
        return ModelDirectory(version.path, name, version.revision, source.shown, version)
    if source.kind.is_embedded:
        return None
    raise _not_fetched(source, cache_dir)


def _not_fetched(source: Source, cache_dir: str) -> UnknownModel:
    wanted = source.shown if source.revision is None else f"{source.shown} at {source.revision}"
    there = [version.revision for version in Store(expanded(cache_dir)).versions() if version.name == source.name]
    return UnknownModel(
        f"{wanted} is not in the store {cache_dir}, or not complete.",
        remedy=(
            "Run `bge-reranker model fetch` with the same settings first."
            + (f" There are the revisions {', '.join(there[:MAX_LISTED])}." if there else "")
        ),
    )


def _nothing_there(reference: str, path: Path) -> UnknownModel:
    parent = path.parent
    siblings: list[str] = []
    if parent.is_dir():
        siblings = sorted(str(file.parent) for file in parent.glob(f"*/{CONFIG_FILE}"))[:MAX_LISTED]
    nearby = f" Beside it: {', '.join(siblings)}." if siblings else ""
    return UnknownModel(
        f"{reference!r} is no existing folder ({path.absolute()}) and no model id.",
        remedy=f"Give `{DEMO_REFERENCE}`, the folder of a checkpoint, or org/name[@revision] if it is cached.{nearby}",
    )
