"""Which methods a path takes: the `Allow` header, and the answer to OPTIONS."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Match, Route


def allowed_methods(request: Request, known: str) -> str:
    """The methods of a request's path, as the `Allow` header has them.

    Args:
        request: A request that no route took for its method.
        known: The methods of the route that refused it; all there are where it is a folder of files.
    """
    methods = {method.strip() for method in known.split(",") if method.strip()} | {"OPTIONS"}
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))
