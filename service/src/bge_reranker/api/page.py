"""The page at `/` and the reference at `/docs`: static files under a strict content security policy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from typing_extensions import override

from .accept import prefers_html
from .addresses import way_up
from .routes import GetRoute, Handler

_STATIC: Final = Path(__file__).parent / "static"

_SWAGGER_PACKAGE: Final = "fastapi_offline"
"""Package from which Swagger UI's files are served; only its files are used."""

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Browsers ask again each time and are told 304: a new version shows at once.
    "Cache-Control": "no-cache",
}
"""Headers of every file: nothing inline, nothing from elsewhere, nothing guessed, in nobody's frame."""


def page_route(otherwise: Handler) -> GetRoute:
    """The page at `/`.

    Args:
        otherwise: What answers `/` to clients that are no browsers: they probe it for health.
    """

    async def root(request: Request) -> Response:
        if prefers_html(request.headers.get("accept", "")):
            return _document(request, "index.html", headers={"Vary": "Accept"})
        answer = await otherwise(request)
        answer.headers["Vary"] = "Accept"
        return answer

    summary, kinds = "Ready to rank? To a browser: the page", ("application/json", "text/html")
    return GetRoute("/", root, summary, (503,), kinds)


def add_files(app: FastAPI) -> None:
    """Add the files of the page, and the reference at `/docs` with its own."""
    app.mount("/assets", _Files(directory=_STATIC / "assets"))
    _add_docs(app)


def _add_docs(app: FastAPI) -> None:
    # An image may be built without Swagger UI; then /docs is an unknown path like any other.
    swagger = find_spec(_SWAGGER_PACKAGE)
    if swagger is None or swagger.origin is None:
        return

    async def docs(request: Request) -> Response:
        return _document(request, "docs.html", at="docs")

    app.add_api_route("/docs", docs, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/docs/assets", _Files(directory=Path(swagger.origin).parent / "static"))


def _document(request: Request, name: str, *, at: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """A document, or the way to it from below a dialect's prefix: what it asks for by relative addresses is not there.

    Args:
        request: Who asks, and by which address.
        name: The document's file.
        at: Its own address, seen from the server's top.
        headers: Headers besides those of every file.
    """
    _forget_range(request.scope)
    up = way_up(request)
    response = FileResponse(_STATIC / name) if up is None else RedirectResponse(up + at)
    response.headers.update(_HEADERS | dict(headers or {}))
    return response


def _forget_range(scope: Scope) -> None:
    """Take the header `Range` out of a request, as any server may: the files are small, and are sent whole.

    The framework would refuse a range that cannot be met, in words of its own.
    """
    scope["headers"][:] = [header for header in scope["headers"] if header[0] != b"range"]


class _Files(StaticFiles):
    """A folder of files, with the headers of the page."""

    @override
    async def get_response(self, path: str, scope: Scope) -> Response:
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        _forget_range(scope)
        return await super().get_response(path, scope)

    @override
    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_HEADERS)
        return response
