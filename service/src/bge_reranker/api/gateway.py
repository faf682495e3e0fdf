"""Paths below a gateway's own part: `/openai/v1/rerank` is `/v1/rerank`, and so is everything else."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from .prefix import PREFIX, WAY_UP


class GatewayPrefixes:
    """Wraps an ASGI application.

    Args:
        app: Answers the path behind the prefix.
        prefixes: Beginnings of paths that are taken off, none of which ends in a slash.
        routes: The server's own, which come first: below `/v1`, `/v1/rerank` stays what it is.
    """

    def __init__(self, app: ASGIApp, prefixes: Sequence[str], routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._prefixes = sorted(prefixes, key=len, reverse=True)
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "http":
            prefix = next((each for each in self._prefixes if f"{scope['path']}/".startswith(f"{each}/")), None)
            if prefix is not None and not self._is_own(scope):
                scope = _below(scope, prefix)
        await self._app(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        is_route = any(route.matches(scope)[0] is not Match.NONE for route in self._routes)
        return is_route or scope["path"].startswith(PREFIX)


def _below(scope: Scope, prefix: str) -> Scope:
    path, raw_path = scope["path"].removeprefix(prefix), scope["raw_path"].removeprefix(prefix.encode())
    below: Scope = {**scope, "path": path or "/", "raw_path": raw_path or b"/"}
    if not raw_path:
        # A browser that asked for the prefix without a slash would look beside it for what the page needs.
        below[WAY_UP] = f"{prefix.rpartition('/')[2]}/"
    return below
