"""What the guard finds out about a request, noted in its record; before anything of its body is read."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ..errors import RerankerError
from ..guard.caller import Scope
from ..guard.guard import Admitted, Guard
from .exchange import record_of
from .responses import refused
from .routes import Handler


async def admit(guard: Guard, request: Request, scope: Scope) -> Admitted:
    """Let a request be read, by its headers alone.

    Args:
        guard: Judges it.
        request: The request.
        scope: What it takes to do what it asks for.

    Raises:
        RerankerError: As `Guard.admit`.
    """
    record = record_of(request)
    admitted = await guard.admit(request.headers, request.client.host if request.client else "", scope)
    record.caller, record.party = admitted.caller, admitted.party
    return admitted


def only_for(guard: Guard, scope: Scope, handler: Handler) -> Handler:
    """A handler that only callers with some scope reach."""

    async def handle(request: Request) -> Response:
        try:
            record_of(request).caller = await guard.authenticator.identify(request.headers, scope)
        except RerankerError as error:
            return refused(request, error)
        return await handler(request)

    return handle
