"""Addresses as clients mean them: which of our paths a request asks for, and which dialect its address names.

A base address that ends in a slash is joined to a route that begins with one; a gateway leaves its own part in front of
a path; and `/dialects/NAME/...` is every path once more for each dialect, for clients whose base address can be chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from re import Pattern
from typing import Final

from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from ..errors import RouteNotFound
from .dispatch import DIALECT_HEADER, known_names, members_of

PREFIX: Final = "/dialects/"
"""Start of every path that names its dialect."""

_DIALECT: Final = "bge_reranker.dialect"
_WAY_UP: Final = "bge_reranker.way_up"
"""Keys in the ASGI scope: what `asked_dialect` and `way_up` give."""

_FILES: Final = ("/docs", "/assets")
"""Paths of files for browsers, whose relative addresses would break behind another slash."""

_SLASHES: Final = re.compile("//+")

_AUTHORITY: Final = re.compile("^https?://[^/]*", re.IGNORECASE)
"""What comes before the path where a client writes the whole address into its request, as to a proxy."""


class Addresses:
    """The addresses of the API.

    Args:
        prefixes: Beginnings of paths that are taken off, none of which ends in a slash.
        routes: The server's own, which come first: below `/v1`, `/v1/rerank` stays what it is.
    """

    def __init__(self, prefixes: Iterable[str], routes: Sequence[BaseRoute]) -> None:
        self._prefixes = [(prefix, _below(prefix, routes)) for prefix in sorted(prefixes, key=len, reverse=True)]

    def resolve(self, scope: Scope) -> Scope:
        """The scope with the path that was meant.

        Raises:
            RouteNotFound: If the path names a dialect that there is none of.
        """
        scope = tolerant(scope)
        path = scope["path"]
        for prefix, own in self._prefixes:
            if f"{path}/".startswith(f"{prefix}/"):
                if not path.startswith(PREFIX) and not any(pattern.match(path) for pattern in own):
                    scope = _without_prefix(scope, prefix)
                break
        return _without_dialect(scope) if scope["path"].startswith(PREFIX) else scope


def tolerant(scope: Scope) -> Scope:
    """The scope in which doubled slashes of the path count as one, and one at the end as none.

    Not a redirect: many clients follow none on POST, or follow it with GET.
    """
    path = meant(scope["path"])
    # `raw_path` stays what was asked for: a browser resolves relative addresses against that.
    return scope if path == scope["path"] else {**scope, "path": path}


def meant(path: str) -> str:
    """The path that a client meant."""
    path = _AUTHORITY.sub("", path) or "/"
    if path.startswith(_FILES):
        return path
    return _SLASHES.sub("/", path).rstrip("/") or "/"


def asked_dialect(request: Request) -> str | None:
    """The name that prefix or header gives, the prefix first."""
    named: str | None = request.scope.get(_DIALECT)
    return named or request.headers.get(DIALECT_HEADER)


def way_up(request: Request) -> str | None:
    """From the address that a browser asked for to the folder above what was taken off; None where nothing was.

    It is relative, so that it holds behind a proxy that serves all this below a path of its own.
    """
    up: str | None = request.scope.get(_WAY_UP)
    return up


def _below(prefix: str, routes: Sequence[BaseRoute]) -> list[Pattern[str]]:
    """What our own paths below a prefix look like."""
    placed = [route for route in routes if isinstance(route, Route | Mount)]
    return [route.path_regex for route in placed if f"{route.path}/".startswith(f"{prefix}/")]


def _without_prefix(scope: Scope, prefix: str) -> Scope:
    path, raw_path = scope["path"].removeprefix(prefix), scope["raw_path"].removeprefix(prefix.encode())
    below: Scope = {**scope, "path": path or "/", "raw_path": raw_path or b"/"}
    if not raw_path:
        # A browser that asked for the prefix without a slash would look beside it for what the page needs.
        below[_WAY_UP] = f"{prefix.rpartition('/')[2]}/"
    return below


def _without_dialect(scope: Scope) -> Scope:
    name, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
    if not members_of(name):
        raise RouteNotFound("There is no dialect of that name.", remedy=f"Known: {known_names()}.")
    path = "/" + rest
    # One folder for each slash behind the first, doubled ones and one at the end included.
    up = "../" * (scope["raw_path"].count(b"/") - 1)
    return {**scope, "path": path, "raw_path": path.encode(), _DIALECT: name, _WAY_UP: up}
