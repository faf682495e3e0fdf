"""Who asks: what authentication finds out, and whatever is shared out by caller goes by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Scope = Literal["rerank", "metrics", "admin"]
"""What a caller may do: rank and tokenise, scrape the API's listener, look into the guard itself."""

SCOPES: Final[frozenset[Scope]] = frozenset(get_args(Scope))
"""Every scope."""

CallerKind = Literal["anonymous", "key", "token", "internal"]
"""How a caller is known: not at all, by a key of the server's, by a signed token (JWT), or as a pod of the same
release."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller: the same object of the same key, an equal one of the same token's subject."""

    name: str
    """By which logs, limits and shares tell callers apart; never a secret, and empty where nobody is asked to say."""

    kind: CallerKind
    scopes: frozenset[Scope]

    @property
    def identity(self) -> str:
        """Kind and name: no token's subject is ever taken for a key of the same name."""
        return f"{self.kind}:{self.name}"


ANONYMOUS: Final = Caller("", "anonymous", frozenset({"rerank", "metrics"}))
"""Everybody, where callers need not say who they are."""
