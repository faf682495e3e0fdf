"""A server that speaks the Hub's protocol: model information, revisions, LFS redirects to another host, refusals."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.store.servers.faulty import FaultyServer, Handler

_INFO = re.compile(r"/api/models/([^/]+/[^/]+?)(?:/revision/([^/]+))?")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_LFS = re.compile(r"/lfs/([0-9a-f]{64})")


@dataclass
class Repository:
    """A repository with commits, branches, and who may read it."""

    commits: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    needs_token: str | None = None
    is_gated: bool = False
    licence: str = "apache-2.0"


@dataclass
class FakeHub:
    """The hub and its repositories."""

    server: FaultyServer = field(default_factory=FaultyServer)
    repositories: dict[str, Repository] = field(default_factory=dict)
    info_statuses: list[int] = field(default_factory=list)
    """Statuses of the next requests for information."""
    info_headers: dict[str, str] = field(default_factory=dict)
    """Headers of these refusals."""

    def __post_init__(self) -> None:
        self.server.answers.append(self._answer)

    @property
    def environment(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.server.url, "HF_HUB_CACHE": "/nonexistent"}

    def add(self, name: str, files: dict[str, bytes]) -> str:
        """Commit files on the branch main; gives the commit."""
        listing = json.dumps({path: hashlib.sha1(content).hexdigest() for path, content in sorted(files.items())})
        commit = hashlib.sha1(listing.encode()).hexdigest()
        repository = self.repositories.setdefault(name, Repository({}, {}))
        repository.commits[commit] = files
        repository.branches["main"] = commit
        return commit

    def _answer(self, handler: Handler) -> bool:
        path = handler.path.partition("?")[0]
        if match := _LFS.fullmatch(path):
            self._send_lfs(handler, match[1])
        elif match := _INFO.fullmatch(path):
            self._send_info(handler, match[1], unquote(match[2] or "main"))
        elif match := _RESOLVE.fullmatch(path):
            self._resolve(handler, match[1], unquote(match[2]), unquote(match[3]))
        else:
            return False
        return True

    def _refused(self, handler: Handler, repository: Repository | None) -> bool:
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        is_refused = repository is not None and repository.needs_token and token != repository.needs_token
        if repository is None or (is_refused and not repository.is_gated):
            # The real one says 401 to strangers and 404 to others, whether or not there is such a repository.
            handler.send_plain(404 if token else 401, X_Error_Code="RepoNotFound")
        elif is_refused:
            handler.send_plain(403 if token else 401, X_Error_Code="GatedRepo")
        else:
            return False
        return True

    def _send_info(self, handler: Handler, name: str, revision: str) -> None:
        repository = self.repositories.get(name)
        if self.info_statuses:
            handler.send_plain(self.info_statuses.pop(0), b"", **self.info_headers)
            return
        if self._refused(handler, repository) or repository is None:
            return
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            handler.send_plain(404, X_Error_Code="RevisionNotFound")
            return
        siblings = [_sibling(path, content) for path, content in repository.commits[commit].items()]
        body = {"id": name, "sha": commit, "siblings": siblings, "cardData": {"license": repository.licence}}
        handler.send_plain(200, json.dumps(body).encode(), Content_Type="application/json")

    def _resolve(self, handler: Handler, name: str, revision: str, path: str) -> None:
        repository = self.repositories.get(name)
        if self._refused(handler, repository) or repository is None:
            return
        commit = repository.branches.get(revision, revision)
        content = repository.commits.get(commit, {}).get(path)
        if content is None:
            handler.send_plain(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
            return
        if not _is_lfs(path):
            handler.send_content(content)
            return
        sha256 = hashlib.sha256(content).hexdigest()
        # Another host name, as the hub's storage has: a client must not take its token there.
        handler.send_plain(
            302,
            Location=f"{handler.owner.scheme}://localhost:{self.server.port}/lfs/{sha256}",
            X_Repo_Commit=commit,
            X_Linked_Etag=f'"{sha256}"',
            X_Linked_Size=str(len(content)),
        )

    def _send_lfs(self, handler: Handler, sha256: str) -> None:
        if "Authorization" in handler.headers:
            handler.send_plain(400, b"a token came along")
            return
        for repository in self.repositories.values():
            for files in repository.commits.values():
                for content in files.values():
                    if hashlib.sha256(content).hexdigest() == sha256:
                        handler.send_content(content)
                        return
        handler.send_plain(404)


def _is_lfs(path: str) -> bool:
    return path.endswith((".safetensors", ".bin", ".model"))


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": path, "size": len(content)}
    sibling["blobId"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    if _is_lfs(path):
        sibling["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return sibling


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    with hub.server.running():
        yield hub
