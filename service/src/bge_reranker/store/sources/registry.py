"""The kinds of sources, and which of them a text means."""

from __future__ import annotations

from ...errors import UnknownModel
from ..source import Source, SourceKind
from .claim import ClaimSource
from .demo import DemoClipSource, DemoSource
from .file import FileSource
from .hub import HubSource
from .oci import OciSource
from .s3 import S3Source
from .web import WebSource

_FILE = FileSource()

KINDS: tuple[SourceKind, ...] = (
    DemoSource(),
    DemoClipSource(),
    HubSource(),
    S3Source(),
    WebSource(),
    OciSource(),
    ClaimSource(),
    _FILE,
)
"""All of them, in the order in which messages name them."""

EXAMPLES = f"{', '.join(kind.example for kind in KINDS[:-1])} or {KINDS[-1].example}"
"""One source of each kind, as a message lists them."""


def parse_source(text: str, revision: str | None) -> Source | None:
    """Take a source apart.

    Args:
        text: `demo`, a URL of one of the kinds, or `org/name`, which means a hub.
        revision: Asked for apart from the text; it must not contradict an `@` in it.

    Returns:
        The source, or None where the text is a path and no source.

    Raises:
        UnknownModel: If a scheme is unknown, or what follows it is no location of its kind.
    """
    try:
        return _parse(text, revision)
    except ValueError as error:
        raise UnknownModel(f"The address is none: {error}.", remedy=f"Give {EXAMPLES}.") from error


def require_source(text: str, revision: str | None) -> Source:
    """Take a source apart, where only a source will do; a path is a source of files.

    Raises:
        UnknownModel: As `parse_source`.
    """
    return parse_source(text, revision) or _FILE.parse(f"file://{text}", revision)


def _parse(text: str, revision: str | None) -> Source | None:
    scheme, separator, _ = text.partition("://")
    for kind in KINDS:
        if separator and scheme in kind.schemes:
            return kind.parse(text, revision)
        if not separator and (source := kind.parse_bare(text, revision)) is not None:
            return source
    if separator:
        raise UnknownModel(f"{scheme}:// is no known kind of source.", remedy=f"Give {EXAMPLES}.")
    return None
