"""Users and passwords of registries, found as container tools and a node's kubelet find them."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from ...errors import SettingsError
from ...text_files import NotText, read_text
from ..home import home_directory

_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
"""Names of Docker's own registry; files of credentials call it `https://index.docker.io/v1/`."""

_HUB_KEY = "index.docker.io"
_TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - a name that stands for nobody
"""User with whom a refresh token is sent as a password, where the file names none."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of a registry."""

    user: str
    password: str


class _AuthFile(msgspec.Struct):
    auths: dict[str, Any] = {}


def find_credentials(repository: str, environment: Mapping[str, str]) -> Credentials | None:
    """Find who may read a repository.

    Args:
        repository: `registry/path`.
        environment: REGISTRY_AUTH_FILE names one file or, separated by colons, several; without it, `config.json` in
            the folder DOCKER_CONFIG, or where `docker login` and `podman login` write.

    Returns:
        The user of the entry whose key fits best; None where none does.

    Raises:
        SettingsError: If a file cannot be read, or is none of credentials.
    """
    entries: dict[str, Any] = {}
    for file in _files(environment):
        # Of two files with the same key the first one is believed.
        entries = _read(file) | entries
    host, _, path = repository.partition("/")
    wanted = f"{_HUB_KEY if host in _HUB else host}/{path}"
    # The longest key is the one that says most.
    for key in sorted(entries, key=len, reverse=True):
        if _fits(key, wanted) and (found := _credentials(entries[key])) is not None:
            return found
    return None


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield from (Path(name) for name in named.split(os.pathsep) if name)
        return
    home = home_directory(environment)
    if folder := environment.get("DOCKER_CONFIG"):
        yield Path(folder) / "config.json"
    elif home is not None:
        yield home / ".docker" / "config.json"
    if folder := environment.get("XDG_RUNTIME_DIR"):
        yield Path(folder) / "containers" / "auth.json"


def _read(file: Path) -> dict[str, Any]:
    """The entries of a file; none where it is not there, as an optional Secret of a pod may be."""
    if not file.is_file():
        return {}
    try:
        return msgspec.json.decode(read_text(file), type=_AuthFile).auths
    except (NotText, msgspec.MsgspecError, RecursionError) as error:
        # Never in its words, which may quote a password.
        raise SettingsError(
            f"{file} holds no credentials of registries ({type(error).__name__}).",
            remedy="Give a file as `docker login` writes it, or a Secret of the type kubernetes.io/dockerconfigjson.",
        ) from None


def _fits(key: str, wanted: str) -> bool:
    """Whether an entry is for a repository: host by host label, where `*` is any one, then a prefix of the path."""
    key = key.partition("://")[2] if "://" in key else key
    key = key.rstrip("/")
    host, _, path = key.partition("/")
    wanted_host, _, wanted_path = wanted.partition("/")
    if wanted_host == _HUB_KEY and host in _HUB:
        # What stands behind it, v1 or v2, is an address of long ago.
        return True
    if host.count(".") != wanted_host.count("."):
        return False
    if not all(map(fnmatchcase, wanted_host.split("."), host.split("."))):
        return False
    return not path or wanted_path == path or wanted_path.startswith(f"{path}/")


def _credentials(entry: Any) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if packed := entry.get("auth"):
        try:
            user, _, password = base64.b64decode(str(packed), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
    if token := entry.get("identitytoken"):
        user, password = user or _TOKEN_USER, str(token)
    return Credentials(user, password.rstrip("\0\n")) if user and password else None
