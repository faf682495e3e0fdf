"""Fetching a model into a store: once, completely, and what was demanded."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..checkpoint_files import CONFIG_FILE, refuse_foreign, weights_in
from ..checkpoint_json import read_json_object
from ..errors import CorruptFile, DigestMismatch, HubUnreachable, ModelError
from .archive import PACKED_MANIFEST, unpack
from .listing import FetchOptions, list_source
from .lock import FetchLock, hold
from .manifest import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    Manifest,
    Provenance,
    hash_model,
    model_file_names,
    parse_manifest,
    read_manifest,
    write_manifest,
)
from .paths import Store, Version, unwritable
from .progress import Meter
from .remote import Listing
from .selection import architecture_of
from .source import DEFAULT_REVISION, Source, file_name_of
from .sources.registry import parse_source
from .transfer import SEGMENT_BYTES, Transfer
from .tries import MAX_TRIES, is_passing, wait_s
from .verification import refuse_other_digest, verify, verify_sample

_REVISION_DIGITS = 12
"""Hex digits of the digest that name a version whose source has no revisions."""

Convert = Callable[[Path], None]
"""Makes safetensors of a folder's pickles and removes them."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A version that is there."""

    version: Version
    manifest: Manifest
    was_there: bool
    """Whether there was nothing to do."""


class Fetcher:
    """Fetches one source into one store.

    Args:
        store: Where it goes.
        source: What is fetched.
        options: What is asked of it.
        meter: Shows how far it is.
        convert: Used where pickles are allowed and there is nothing else.
        pause: Waits so many seconds.
        segment_bytes: What is asked for at once.
    """

    def __init__(
        self,
        store: Store,
        source: Source,
        options: FetchOptions,
        meter: Meter,
        convert: Convert,
        pause: Callable[[float], object] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._store = store
        self._source = source
        self._options = options
        self._meter = meter
        self._convert = convert
        self._pause = pause or threading.Event().wait
        self._segment_bytes = segment_bytes

    def fetch(self) -> Fetched:
        """Bring the version into the store, or find it there.

        Raises:
            ModelError: What stands in the way, with its remedy.
            SettingsError: If the store cannot be written, or something is not installed.
        """
        try:
            version = None if self._options.is_refresh else self._store.find(self._source)
            manifest = self._read_intact(version) if version is not None else None
            if version is not None and manifest is not None:
                return self._accept(Fetched(version, manifest, was_there=True))
            return self._accept(self._fetch(self._list()))
        except OSError as error:
            raise unwritable(self._store.directory, error) from error

    def _list(self) -> Listing:
        """Ask the source what it has, again while it says `later`."""
        tries = 0
        while True:
            try:
                return list_source(self._source, self._options)
            except HubUnreachable as error:
                tries += 1
                if tries >= MAX_TRIES or not is_passing(error):
                    raise
                self._pause(wait_s(error, tries))

    def _accept(self, fetched: Fetched) -> Fetched:
        refuse_other_digest(fetched.manifest.digest, self._options.expect_digest, self._source.shown)
        return fetched

    def _fetch(self, listing: Listing) -> Fetched:
        self._meter.begin("waiting", None)
        revision = _revision_of(self._source, listing)
        lock_path = self._store.lock_path(self._source, revision or DEFAULT_REVISION)
        with hold(lock_path, lambda: self._find(listing) is not None, self._pause) as lock:
            version = self._find(listing)
            if version is not None:
                self._store.remember(self._source, version)
                return Fetched(version, read_manifest(version.path), was_there=True)
            if lock is None:
                raise AssertionError("the lock is not needed, and nothing is there; this is a bug")
            try:
                return self._make(listing, revision, lock)
            except ModelError as error:
                if not error.is_worth_a_retry:
                    # Nothing in it is worth going on with.
                    shutil.rmtree(self._staging(revision), ignore_errors=True)
                raise

    def _find(self, listing: Listing) -> Version | None:
        """The version that would be made, if it is there and intact."""
        if self._options.is_refresh and listing.provenance.commit is None:
            # What the source has now can only be known from its bytes.
            return None
        revision = _revision_of(self._source, listing)
        version = self._store.find(self._source) if revision is None else self._store.complete(self._source, revision)
        return version if version is not None and self._read_intact(version) is not None else None

    def _read_intact(self, version: Version) -> Manifest | None:
        """The manifest of a version whose files are still what it says, or None."""
        try:
            manifest = read_manifest(version.path)
            self._meter.begin("verifying", manifest.size_bytes if self._options.is_full else None)
            if self._options.is_full:
                verify(version.path, manifest, self._meter.advance)
            else:
                verify_sample(version.path, manifest)
        except (CorruptFile, DigestMismatch):
            return None
        return manifest

    def _make(self, listing: Listing, revision: str | None, lock: FetchLock) -> Fetched:
        staging = self._staging(revision)
        staging.mkdir(parents=True, exist_ok=True)
        if not (staging / MANIFEST_FILE).is_file():
            self._fill(staging, listing, lock)
        manifest = read_manifest(staging)
        refuse_other_digest(manifest.digest, self._options.expect_digest, self._source.shown)
        lock.beat()
        return Fetched(self._publish(staging, manifest, revision), manifest, was_there=False)

    def _staging(self, revision: str | None) -> Path:
        return self._store.staging_path(self._source, revision or DEFAULT_REVISION)

    def _fill(self, staging: Path, listing: Listing, lock: FetchLock) -> None:
        """Bring everything into the staging folder, its manifest last."""
        Transfer(staging, self._meter, self._pause, lock.beat, self._segment_bytes).fetch(listing.files)
        provenance = listing.provenance
        if listing.is_archive:
            provenance = self._unpack([staging / file.path for file in listing.files], staging, provenance)
        if weights_in(staging, allow_pickle=True).is_pickled:
            self._meter.begin("converting", None)
            self._convert(staging)
        # What cannot be loaded is refused here, not by every server that is started on it.
        wanted = set(model_file_names(staging))
        for path in staging.iterdir():
            if path.name not in wanted:
                path.unlink()
                continue
            refuse_foreign(path, self._source.shown)
        config = self._read_config(staging)
        self._meter.begin("hashing", sum(path.stat().st_size for path in staging.iterdir()))
        manifest = hash_model(staging, self._meter.advance)
        architecture = architecture_of(config)
        now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
        for entry in manifest.files:
            _sync(staging / entry.path)
        write_manifest(
            staging, replace(manifest, provenance=replace(provenance, architecture=architecture, fetched_at=now))
        )

    def _read_config(self, staging: Path) -> Mapping[str, object]:
        try:
            return read_json_object(staging / CONFIG_FILE)
        except CorruptFile as error:
            raise CorruptFile(f"{self._source.shown}: {error.message}", remedy=error.remedy) from error

    def _unpack(self, archives: Sequence[Path], staging: Path, provenance: Provenance) -> Provenance:
        self._meter.begin("unpacking", None)
        source, allow_pickle = self._source.shown, self._options.allow_pickle
        unpack(archives, staging, source, allow_pickle=allow_pickle, advance=self._meter.advance)
        packed = staging / PACKED_MANIFEST
        if packed.is_file():
            with packed.open("rb") as file:
                manifest = parse_manifest(file.read(MAX_MANIFEST_BYTES + 1), f"{source}: {MANIFEST_FILE}")
            verify(staging, manifest)
            # Only what lies on this machine may say that it came from somewhere else.
            if manifest.provenance is not None and self._source.kind.is_local:
                provenance = manifest.provenance
        return provenance

    def _publish(self, staging: Path, manifest: Manifest, revision: str | None) -> Version:
        """Give the folder its name, and note what the source's revision means."""
        source, revision = self._origin(manifest, revision or manifest.digest[:_REVISION_DIGITS])
        path = self._store.version_path(source, revision)
        there = self._store.complete(source, revision)
        intact = self._read_intact(there) if there is not None else None
        if intact is not None and intact.digest == manifest.digest:
            shutil.rmtree(staging)
        else:
            if intact is not None:
                raise DigestMismatch(
                    f"{path} is there with other files than {self._source.shown} has now.",
                    remedy="Give the new files another --revision, or remove that folder.",
                )
            # What is left of a version that was damaged or half removed.
            shutil.rmtree(path, ignore_errors=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            staging.rename(path)
        version = Version(source.name, revision, path)
        self._store.remember(source, version)
        self._store.remember(self._source, version)
        return version

    def _origin(self, manifest: Manifest, revision: str) -> tuple[Source, str]:
        """Under which name a version lies: an unpacked bundle under the one that it was packed from."""
        provenance = manifest.provenance
        if provenance is None or provenance.source == self._source.shown:
            return self._source, revision
        source = parse_source(provenance.source, provenance.revision)
        if source is None:
            return self._source, revision
        named = provenance.commit or source.revision
        return source, file_name_of(named) if named else revision


def _revision_of(source: Source, listing: Listing) -> str | None:
    """The folder's name, where it is known before the bytes are."""
    named = listing.provenance.commit or source.revision
    return file_name_of(named) if named else None


def _sync(path: Path) -> None:
    """Bring a file onto the disk, so that no power cut leaves a manifest without its files."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Some file systems cannot; the hashes notice what was lost.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
