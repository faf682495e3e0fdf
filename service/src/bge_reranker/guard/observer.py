"""What the guard tells of itself: who counts it implements this."""

from __future__ import annotations

from typing import Literal, Protocol

Source = Literal["keys", "jwt_secrets", "jwks_file", "jwks_url"]
"""Where credentials come from."""


class GuardObserver(Protocol):
    """Counts what the guard does."""

    def credentials_read(self, source: Source, *, is_ok: bool) -> None:
        """Count one attempt to read credentials anew."""
        ...

    def authenticated(self, kind: str) -> None:
        """Count one request that may pass, by how its caller is known."""
        ...
