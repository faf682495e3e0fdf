"""The source `https://`: an archive, or a list of files in a manifest's form whose files lie beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from typing_extensions import override

from ...errors import UnknownModel
from ..source import Source, SourceKind
from .network import refuse_network_variables
from .patterns import HTTPS_HOST

if TYPE_CHECKING:
    from ..listing import FetchOptions
    from ..remote import Listing

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class WebSource(SourceKind):
    """A URL, which is the location."""

    schemes = ("https", "http")
    example = "https://host/model.tar.gz"
    pattern = rf"https://{HTTPS_HOST}([/?#].*)?"

    @override
    def parse(self, text: str, revision: str | None) -> Source:
        source, parts = Source(self, text, revision), urlsplit(text)
        if parts.scheme == "http":
            if parts.hostname not in _LOOPBACK_HOSTS:
                raise UnknownModel(
                    f"{source.shown} is not encrypted.",
                    remedy="Give its https:// address; http:// is for this machine only.",
                )
            return source
        self.refuse_climbing(source, parts.path)
        if not parts.hostname:
            raise UnknownModel(f"{source.shown} names no host.", remedy="Write https://host/path.")
        return source

    @override
    def list(self, source: Source, options: FetchOptions) -> Listing:
        from .web_files import list_web  # noqa: PLC0415 - other sources need no HTTP client

        refuse_network_variables(options.environment)
        return list_web(source, allow_pickle=options.allow_pickle)

    @override
    def shown(self, location: str) -> str:
        return without_secrets(location)


def without_secrets(url: str) -> str:
    """A URL without user, password and query, which may be a signature."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
