"""What a row of the compatibility matrix is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SHOWN_SERVER = "http://localhost:8000"
"""What the matrix puts for the server's address."""

SHOWN_KEY = "KEY"
"""What the matrix puts for a key that an address holds."""

Family = Literal[
    "TEI", "Cohere v1", "Cohere v2", "Jina", "vLLM", "NIM", "Voyage", "mixedbread", "OVMS", "infinity", "Pinecone"
]
"""Families of dialects for which there are client libraries."""


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One client library, pointed at a server in one way."""

    key: str
    """Name in results and drivers."""

    client: str
    """Class or function that a user calls."""

    package: str
    """Package whose version the matrix shows."""

    environment: str
    """Which input and lock hold the package, and which driver calls it."""

    family: Family
    """Dialect that the client speaks."""

    options: Mapping[str, str] = field(default_factory=dict)
    """Arguments of the client, `{server}` standing for the server's address; the driver passes these very ones."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that point the client, in the same form."""

    shown: str = "{client}({options})"
    """How the call is written where the client hides behind another class."""

    scores: Literal["sigmoid", "logit"] = "sigmoid"
    """What the family's scores are."""

    returns_documents: bool = False
    """Whether the client hands on the texts that the server returned."""

    honours_top_n: bool = True
    """Whether the user gets as many results as asked for, and not all."""

    asked_when_full: bool = False
    """Whether the row is also asked what it makes of 429; some clients try again for minutes."""

    key_in_address: bool = False
    """Whether the client has no argument for a key, so that its address holds it."""

    limit: str = ""
    """What the client does not do, for readers of the matrix."""

    def options_for(self, server: str, key: str) -> dict[str, str]:
        """The client's arguments with the server's address in them.

        Args:
            server: The address.
            key: A key of the server's, for clients that take one in no other way.
        """
        server = with_key(server, key) if self.key_in_address else server
        return {name: value.format(server=server) for name, value in self.options.items()}

    def variables_for(self, server: str) -> dict[str, str]:
        """The environment variables with the server's address in them."""
        return {name: value.format(server=server) for name, value in self.variables.items()}

    def pointing(self) -> str:
        """The call as a reader would write it."""
        options = ", ".join(f'{name}="{value}"' for name, value in self.options_for(SHOWN_SERVER, SHOWN_KEY).items())
        variables = "".join(f"{name}={value} " for name, value in self.variables_for(SHOWN_SERVER).items())
        return variables + self.shown.format(client=self.client, options=options)


def with_key(server: str, key: str) -> str:
    """An address that holds a key, which HTTP libraries send as a password."""
    return server.replace("://", f"://any:{key}@", 1)


@dataclass(frozen=True, slots=True)
class FixedClient:
    """A client library that cannot be pointed anywhere: its address is written in its code."""

    client: str
    package: str
    environment: str
    reason: str
    """Where its code says so."""
