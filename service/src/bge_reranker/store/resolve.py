"""From what a user calls a model to the folder that holds it. Never asks the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..checkpoint_files import CONFIG_FILE
from ..demo import demo_model_directory
from ..errors import SettingsError, UnknownModel
from ..settings import ModelSettings
from .hashing import unreadable
from .home import expanded, home_directory
from .hub_cache import find_snapshot
from .paths import Store, Version, refuse_incomplete, version_at
from .source import Source, parse_source

DEMO_REFERENCE = "demo"
"""The name of the embedded model."""

_MAX_LISTED = 5
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


def resolve_model(reference: str, environment: Mapping[str, str], place: ModelSettings | None = None) -> ModelDirectory:
    """Find a model.

    Args:
        reference: `demo`, a folder, `org/name[@revision]`, or a source.
        environment: Environment variables, of which HF_HUB_CACHE, HF_HOME, TRANSFORMERS_CACHE, XDG_CACHE_HOME and
            HOME say where caches are.
        place: Revision, store and claims; by default none.

    Raises:
        UnknownModel: If there is no such model; the message says what was looked for and where.
        CorruptFile: If it is in a store and not complete, or may not be looked at.
        SettingsError: If the environment has a value that no library here takes, or no home directory for a path in it.
    """
    try:
        return _resolve(reference, environment, place or ModelSettings())
    except OSError as error:
        raise unreadable(Path(str(error.filename)), error) from error


def _resolve(reference: str, environment: Mapping[str, str], place: ModelSettings) -> ModelDirectory:
    path = expanded(reference)
    if reference != DEMO_REFERENCE and "://" not in reference and path.exists():
        if place.revision is not None:
            raise SettingsError(
                f"revision is {place.revision}, and {path} is a folder, which has none.",
                remedy="Leave revision out, or give the model's source.",
            )
        return _from_folder(path)
    source = parse_source(reference, place.revision)
    if source is None:
        raise _nothing_there(reference, path)
    found = _from_store(source, place.cache_dir) if place.cache_dir is not None else None
    return found or _from_elsewhere(source, environment, place, path)


def _from_store(source: Source, cache_dir: str) -> ModelDirectory | None:
    """The version in the store; None for the embedded model, which need not be there."""
    version = Store(expanded(cache_dir)).find(source)
    if version is not None:
        name = source.place if source.kind == "hf" else version.name
        return ModelDirectory(version.path, name, version.revision, source.shown, version)
    if source.kind == "demo":
        return None
    raise _not_fetched(source, cache_dir)


def _from_elsewhere(source: Source, environment: Mapping[str, str], place: ModelSettings, path: Path) -> ModelDirectory:
    """What is served without a store: where it lies, or from a hub's cache."""
    if source.kind == "demo":
        return ModelDirectory(demo_model_directory(), DEMO_REFERENCE, None, DEMO_REFERENCE)
    if source.kind in {"file", "pvc"}:
        folder = Path(place.claims_dir) / source.place if source.kind == "pvc" else expanded(source.place)
        if not folder.exists():
            raise UnknownModel(
                f"{source.shown}: there is no folder {folder}.", remedy="Mount it there, or correct the path."
            )
        return replace(_from_folder(folder), source=source.shown)
    if source.kind != "hf":
        raise UnknownModel(
            f"{source.shown} has to be fetched before it is served, and no store is set.",
            remedy="Set cacheDir (--cache-dir), and run `bge-reranker model fetch` with it first.",
        )
    return _from_caches(source.place, source.revision, cache_directories(environment), path)


def cache_directories(environment: Mapping[str, str]) -> list[Path]:
    """List the Hugging Face caches in the order in which they are searched; the default one only where none is set."""
    candidates = [environment.get("HF_HUB_CACHE"), environment.get("HUGGINGFACE_HUB_CACHE")]
    if hub_home := environment.get("HF_HOME"):
        candidates.append(f"{hub_home}/hub")
    candidates.append(environment.get("TRANSFORMERS_CACHE"))
    directories = [expanded(candidate) for candidate in candidates if candidate]
    if directories:
        return list(dict.fromkeys(directories))
    if cache_home := environment.get("XDG_CACHE_HOME"):
        return [expanded(cache_home) / "huggingface" / "hub"]
    home = home_directory(environment)
    return [] if home is None else [home / ".cache" / "huggingface" / "hub"]


def _from_folder(path: Path) -> ModelDirectory:
    if path.is_file():
        raise UnknownModel(f"{path} is a file.", remedy=f"Give the folder of the checkpoint: {path.parent}.")
    refuse_incomplete(path)
    if not (path / CONFIG_FILE).is_file():
        raise UnknownModel(f"The folder {path} has no {CONFIG_FILE}.", remedy=_remedy_for_folder(path))
    # Also a version that is served by its path is in use.
    return ModelDirectory(path, path.resolve().name, None, f"file://{path.resolve()}", version_at(path))


def _not_fetched(source: Source, cache_dir: str) -> UnknownModel:
    wanted = source.shown if source.revision is None else f"{source.shown} at {source.revision}"
    there = [version.revision for version in Store(expanded(cache_dir)).versions() if version.name == source.name]
    return UnknownModel(
        f"{wanted} is not in the store {cache_dir}, or not complete.",
        remedy=(
            "Run `bge-reranker model fetch` with the same settings first."
            + (f" There are the revisions {', '.join(there[:_MAX_LISTED])}." if there else "")
        ),
    )


def _remedy_for_folder(path: Path) -> str:
    """Point at the checkpoint when it lies one or two levels below, as in a Hugging Face cache."""
    below = sorted(file.parent for pattern in ("*", "*/*") for file in path.glob(f"{pattern}/{CONFIG_FILE}"))
    if below:
        return f"A checkpoint lies below it; give {' or '.join(map(str, below[:_MAX_LISTED]))}."
    return f"Give the folder that holds {CONFIG_FILE}, the weights and the tokenizer files."


def _from_caches(repository: str, revision: str | None, caches: list[Path], path: Path) -> ModelDirectory:
    for cache in caches:
        snapshot = find_snapshot(cache, repository, revision)
        if snapshot is not None:
            return ModelDirectory(snapshot, repository, snapshot.name, f"hf://{repository}")
    searched = ", ".join(map(str, caches)) or "there is none, since no variable and no home directory says where"
    wanted = repository if revision is None else f"{repository}@{revision}"
    for cache in caches:
        repository_folder = cache / f"models--{repository.replace('/', '--')}"
        if repository_folder.is_dir():
            raise _wrong_revision(wanted, revision, repository_folder)
    raise UnknownModel(
        f"There is no folder {path}, and {wanted} is not in the Hugging Face cache ({searched}).",
        remedy=(
            f"Download it where the network is open (hf download {repository}), set HF_HUB_CACHE or HF_HOME to the "
            f"cache that has it, or give the folder of a checkpoint; `{DEMO_REFERENCE}` is embedded."
        ),
    )


def _wrong_revision(wanted: str, revision: str | None, repository_folder: Path) -> UnknownModel:
    references_folder = repository_folder / "refs"
    references = [str(file.relative_to(references_folder)) for file in references_folder.glob("**/*") if file.is_file()]
    commits = [folder.name for folder in repository_folder.glob("snapshots/*") if (folder / CONFIG_FILE).exists()]
    known = sorted(references)[:_MAX_LISTED] + sorted(commits)[:_MAX_LISTED]
    asked = revision if revision is not None else "main"
    if not commits:
        return UnknownModel(
            f"The Hugging Face cache has {repository_folder}, but no snapshot in it has a {CONFIG_FILE}.",
            remedy="Its download was not finished; repeat it.",
        )
    return UnknownModel(
        f"{wanted}: {repository_folder} has no complete revision {asked}; it has {', '.join(known)}.",
        remedy="Give one of these after an @, or download the revision.",
    )


def _nothing_there(reference: str, path: Path) -> UnknownModel:
    parent = path.parent
    siblings: list[str] = []
    if parent.is_dir():
        siblings = sorted(str(file.parent) for file in parent.glob(f"*/{CONFIG_FILE}"))[:_MAX_LISTED]
    nearby = f" Beside it: {', '.join(siblings)}." if siblings else ""
    return UnknownModel(
        f"{reference!r} is no existing folder ({path.absolute()}) and no model id.",
        remedy=f"Give `{DEMO_REFERENCE}`, the folder of a checkpoint, or org/name[@revision] if it is cached.{nearby}",
    )
