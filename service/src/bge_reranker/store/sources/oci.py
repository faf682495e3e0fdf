"""The source `oci://registry/repository@digest`: a model in an image of a container registry. Needs the extra `oci`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from typing_extensions import override

from ...address_patterns import PORT
from ...errors import SettingsError, UnknownModel
from ..source import Source, SourceKind
from .network import refuse_network_variables

if TYPE_CHECKING:
    from ..listing import FetchOptions
    from ..remote import Listing

DEFAULT_TAG = "latest"
"""Tag that a registry means where none is named."""

_HOST = rf"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(:{PORT})?"
_PART = "[a-z0-9]+([._-]+[a-z0-9]+)*"
_TAG = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = "sha256:[0-9a-f]{64}"

_REFERENCE = re.compile(
    rf"(?P<repository>{_HOST}(?:/{_PART})+)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?", re.ASCII
)
_REVISION = re.compile(f"{_TAG}|{_DIGEST}", re.ASCII)


class OciSource(SourceKind):
    """A repository of a registry, which is the location; its revision is a digest or a tag."""

    schemes = ("oci",)
    example = "oci://registry/repository@sha256:digest"
    pattern = f"oci://{_HOST}(/{_PART})+(:{_TAG})?(@{_DIGEST})?"
    default_revision = DEFAULT_TAG

    @override
    def parse(self, text: str, revision: str | None) -> Source:
        found = _REFERENCE.fullmatch(text.removeprefix("oci://"))
        if found is None:
            raise UnknownModel(
                f"{text!r} names no image of a registry.", remedy=f"Write {self.example}, or :tag in its place."
            )
        # A digest says which image it is; a tag beside it is for people.
        named = found["digest"] or found["tag"]
        if named is not None and revision is not None and named != revision:
            raise UnknownModel(
                f"{text} names revision {named}, and --revision says {revision}.", remedy="Leave one of them out."
            )
        if revision is not None and not _REVISION.fullmatch(revision):
            raise UnknownModel(
                f"{revision!r} is neither a tag nor a digest.", remedy="Write sha256: and 64 hex digits."
            )
        return Source(self, found["repository"], revision or named)

    @override
    def list(self, source: Source, options: FetchOptions) -> Listing:
        refuse_network_variables(options.environment)
        try:
            from .oci_image import list_image  # noqa: PLC0415 - an optional extra
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"oci:// needs the package {error.name}.", remedy="Install bge-reranker[oci]."
            ) from None
        return list_image(source, options.environment)
