"""What a user calls a model, taken apart: kind of source, place, revision, and the name it gets in the store."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from ..errors import UnknownModel
from ..hub_client import refuse_unreadable

Kind = Literal["demo", "hf", "https", "s3", "file", "pvc"]

DEFAULT_REVISION = "default"
"""Revision of a source that has none of its own, as a file name among references."""

HUB_DEFAULT_REVISION = "main"
"""Branch that a hub means where none is named."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_REVISION = re.compile(r"[\w][\w./-]*", re.ASCII)
_SCHEMES: tuple[Kind, ...] = ("hf", "https", "s3", "file", "pvc")
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_NAME_HASH_LENGTH = 8
_MAX_NAME_LENGTH = 100
"""Characters of an address that name a folder: file systems take 255 bytes, and locks and parts have longer names."""
_EXAMPLES = "hf://org/name, https://host/model.tar.gz, s3://bucket/prefix, file:///folder, pvc://claim/path or demo"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from."""

    kind: Kind
    place: str
    """`org/name`, a URL, `bucket/prefix`, a path, or `claim/path`; with secrets, so never shown."""
    revision: str | None
    """What the user asked for; None where nothing was said."""

    @property
    def shown(self) -> str:
        """The source for people, logs and manifests: no user, password or signature."""
        if self.kind == "demo":
            return "demo"
        if self.kind != "https":
            return f"{self.kind}://{self.place}"
        parts = urlsplit(self.place)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))

    @property
    def name(self) -> str:
        """Folder of the model in a store: readable, and of this source alone."""
        if self.kind == "demo":
            return "demo"
        if self.kind == "hf":
            return self.place.replace("/", "--")
        digest = hashlib.sha256(self.shown.encode()).hexdigest()[:_NAME_HASH_LENGTH]
        last = re.sub(r"[^\w.-]", "-", self.shown.rstrip("/").rpartition("/")[2], flags=re.ASCII).lstrip(".-")[
            :_MAX_NAME_LENGTH
        ]
        return f"{last or 'model'}-{digest}"

    @property
    def reference(self) -> str:
        """Name under which the store remembers what the revision meant."""
        default = HUB_DEFAULT_REVISION if self.kind == "hf" else DEFAULT_REVISION
        return file_name_of(self.revision or default)


def file_name_of(text: str) -> str:
    """Any text, a hub's or a bundle's too, as the name of one visible file: it leads nowhere."""
    name = quote(text, safe="")
    # Quoting leaves dots alone, of which two are the folder above.
    return f"%2E{name[1:]}" if name.startswith(".") else name


def parse_source(text: str, revision: str | None) -> Source | None:
    """Take a source apart.

    Args:
        text: `demo`, a URL of one of the kinds, or `org/name`, which means a hub.
        revision: Asked for apart from the text; it must not contradict an `@` in it.

    Returns:
        The source, or None where the text is a path and no source.

    Raises:
        UnknownModel: If a scheme is unknown, or what follows it is no place of its kind.
    """
    try:
        return _parse(text, revision)
    except ValueError as error:
        raise UnknownModel(f"The address is none: {error}.", remedy=f"Give {_EXAMPLES}.") from error


def _parse(text: str, revision: str | None) -> Source | None:
    scheme, separator, place = text.partition("://")
    if not separator:
        if text == "demo":
            return Source("demo", "demo", revision)
        return _hub_source(text, revision)
    if scheme == "hf":
        found = _hub_source(place, revision)
        if found is None:
            raise UnknownModel(
                f"{text!r} names no model of a hub.", remedy="Write hf://org/name or hf://org/name@revision."
            )
        return found
    if scheme == "http":
        return _plain_http(text, revision)
    for kind in _SCHEMES:
        if scheme == kind:
            return _checked(Source(kind, text if kind == "https" else place, revision))
    raise UnknownModel(f"{scheme}:// is no known kind of source.", remedy=f"Give {_EXAMPLES}.")


def require_source(text: str, revision: str | None) -> Source:
    """Take a source apart, where only a source will do; a path is a source of files.

    Raises:
        UnknownModel: As `parse_source`.
    """
    return parse_source(text, revision) or _checked(Source("file", text, revision))


def _hub_source(text: str, revision: str | None) -> Source | None:
    repository, at, named = text.partition("@")
    if not _is_repository(repository) or ".." in text or (at and not _REVISION.fullmatch(named)):
        return None
    if at and revision is not None and named != revision:
        raise UnknownModel(
            f"{text} names revision {named}, and --revision says {revision}.", remedy="Leave one of them out."
        )
    return Source("hf", repository, revision or named or None)


def _is_repository(text: str) -> bool:
    if not _REPOSITORY.fullmatch(text):
        return False
    refuse_unreadable(os.environ)
    # Imported late: it takes a third of the time that starting without a hub does.
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415
    from huggingface_hub.utils import validate_repo_id  # noqa: PLC0415

    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    return True


def _plain_http(text: str, revision: str | None) -> Source:
    if urlsplit(text).hostname not in _LOOPBACK_HOSTS:
        raise UnknownModel(
            f"{Source('https', text, None).shown} is not encrypted.",
            remedy="Give its https:// address; http:// is for this machine only.",
        )
    return Source("https", text, revision)


def _checked(source: Source) -> Source:
    path = urlsplit(source.place).path if source.kind == "https" else source.place
    parts = path.split("/")
    if ".." in parts and source.kind != "file":
        raise UnknownModel(f"{source.shown} climbs out of its place with `..`.", remedy="Give the direct path.")
    if source.kind == "https":
        if not urlsplit(source.place).hostname:
            raise UnknownModel(f"{source.shown} names no host.", remedy="Write https://host/path.")
        return source
    if not source.place.strip("/") or (source.kind in {"pvc", "s3"} and source.place.startswith("/")):
        raise UnknownModel(f"{source.shown} names no place.", remedy=f"Give {_EXAMPLES}.")
    return replace(source, place=source.place.rstrip("/"))
