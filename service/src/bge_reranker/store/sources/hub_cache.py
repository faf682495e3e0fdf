"""Snapshots in a Hugging Face cache on this machine, written by whichever client or copied by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ...checkpoint_files import CONFIG_FILE
from ...errors import CorruptFile, UnknownModel
from ...text_files import NotText, read_text
from ..home import expanded, home_directory
from ..manifest import Provenance
from ..model_directory import DEMO_REFERENCE, MAX_LISTED, ModelDirectory
from ..remote import Listing
from ..source import Source
from .folder_files import list_folder
from .hub import DEFAULT_BRANCH

_SNAPSHOT = re.compile(r"[\w.-]+", re.ASCII)


def locate_cached(source: Source, environment: Mapping[str, str]) -> ModelDirectory:
    """Find a snapshot to serve in the caches of this machine.

    Raises:
        UnknownModel: If there is none; the message says what was looked for and where.
    """
    repository, revision, caches = source.location, source.revision, cache_directories(environment)
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
        f"There is no folder {wanted}, and {wanted} is not in the Hugging Face cache ({searched}).",
        remedy=(
            f"Download it where the network is open (hf download {repository}), set HF_HUB_CACHE or HF_HOME to the "
            f"cache that has it, or give the folder of a checkpoint; `{DEMO_REFERENCE}` is embedded."
        ),
    )


def list_cached(source: Source, environment: Mapping[str, str], *, allow_pickle: bool) -> Listing | None:
    """List a snapshot of a Hugging Face cache, without any network, or None where there is no complete one.

    Args:
        source: The repository and its revision.
        environment: Where caches are.
        allow_pickle: Whether pickles will do where there is nothing else.
    """
    for cache in cache_directories(environment):
        snapshot = find_snapshot(cache, source.location, source.revision)
        if snapshot is None:
            continue
        try:
            listing = list_folder(snapshot, source, allow_pickle=allow_pickle, root=snapshot.parent.parent)
        except (CorruptFile, UnknownModel):
            # A download that was broken off; the hub has the rest.
            continue
        return Listing(listing.files, Provenance(source.shown, source.revision, commit=snapshot.name))
    return None


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


def find_snapshot(cache: Path, repository: str, revision: str | None) -> Path | None:
    """The folder of a snapshot that has a config.json, or None.

    Args:
        cache: The cache's folder.
        repository: `org/name`.
        revision: Commit, branch or tag; None for the default branch.
    """
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - slow to import, and only hubs need it

    wanted = _meaning(cache / f"models--{repository.replace('/', '--')}" / "refs", revision) or revision
    found = try_to_load_from_cache(repository, CONFIG_FILE, cache_dir=cache, revision=wanted)
    # The third answer besides a path and None is a marker for "known to be absent".
    return Path(found).parent if isinstance(found, str) else None


def _meaning(references: Path, revision: str | None) -> str | None:
    """What a branch or tag means; the client takes the file as it is, with the line break that others end it with."""
    try:
        text = read_text(references / (revision or DEFAULT_BRANCH)).strip()
    except NotText:
        return None
    return text if _SNAPSHOT.fullmatch(text) else None


def _wrong_revision(wanted: str, revision: str | None, repository_folder: Path) -> UnknownModel:
    references_folder = repository_folder / "refs"
    references = [str(file.relative_to(references_folder)) for file in references_folder.glob("**/*") if file.is_file()]
    commits = [folder.name for folder in repository_folder.glob("snapshots/*") if (folder / CONFIG_FILE).exists()]
    known = sorted(references)[:MAX_LISTED] + sorted(commits)[:MAX_LISTED]
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
