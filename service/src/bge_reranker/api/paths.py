"""Paths as clients mean them: a base address that ends in a slash, joined to a route that begins with one."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_FILES: Final = ("/docs", "/assets")
"""Paths of files for browsers, whose relative addresses would break behind another slash."""

_SLASHES: Final = re.compile("//+")

_AUTHORITY: Final = re.compile("^https?://[^/]*", re.IGNORECASE)
"""What comes before the path where a client writes the whole address into its request, as to a proxy."""


class TolerantPaths:
    """Wraps an ASGI application: doubled slashes count as one, one at the end as none.

    Not a redirect: many clients follow none on POST, or follow it with GET.

    Args:
        app: Answers the path that was meant.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "http":
            path = meant(scope["path"])
            if path != scope["path"]:
                # `raw_path` stays what was asked for: a browser resolves relative addresses against that.
                scope = {**scope, "path": path}
        await self._app(scope, receive, send)


def meant(path: str) -> str:
    """The path that a client meant."""
    path = _AUTHORITY.sub("", path) or "/"
    if path.startswith(_FILES):
        return path
    return _SLASHES.sub("/", path).rstrip("/") or "/"
