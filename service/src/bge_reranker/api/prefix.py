"""`/dialects/NAME/...`: the same routes once more for each dialect, for clients whose base address can be chosen."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import RouteNotFound
from .dispatch import DIALECT_HEADER, known_names, members_of
from .record import record_of
from .responses import error_response

PREFIX = "/dialects/"
"""Start of every path that names its dialect."""

_KEY = "bge_reranker.dialect"
WAY_UP = "bge_reranker.way_up"
"""Key in the ASGI scope: what `way_up` gives."""


class DialectPrefix:
    """Wraps an ASGI application.

    Args:
        app: Answers the path behind the prefix.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            name, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
            if not members_of(name):
                error = RouteNotFound("There is no dialect of that name.", remedy=f"Known: {known_names()}.")
                record_of(Request(scope)).code = error.code
                await error_response(error)(scope, receive, send)
                return
            path = "/" + rest
            # One folder for each slash behind the first, doubled ones and one at the end included.
            up = "../" * (scope["raw_path"].count(b"/") - 1)
            scope = {**scope, "path": path, "raw_path": path.encode(), _KEY: name, WAY_UP: up}
        await self._app(scope, receive, send)


def asked_dialect(request: Request) -> str | None:
    """The name that prefix or header gives, the prefix first."""
    named: str | None = request.scope.get(_KEY)
    return named or request.headers.get(DIALECT_HEADER)


def way_up(request: Request) -> str | None:
    """From the address that a browser asked for to the folder above `/dialects`; None where there was no prefix.

    It is relative, so that it holds behind a proxy that serves all this below a path of its own.
    """
    up: str | None = request.scope.get(WAY_UP)
    return up
