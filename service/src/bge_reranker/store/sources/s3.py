"""The source `s3://bucket/prefix`: any object store that speaks S3. Needs the extra `s3`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from ...errors import SettingsError
from ..source import Source, SourceKind
from .network import refuse_network_variables
from .patterns import STEP

if TYPE_CHECKING:
    from ..listing import FetchOptions
    from ..remote import Listing


class S3Source(SourceKind):
    """A prefix of a bucket, or an archive in it."""

    schemes = ("s3",)
    example = "s3://bucket/prefix"
    pattern = f"s3://{STEP}(/({STEP})?)*"

    @override
    def list(self, source: Source, options: FetchOptions) -> Listing:
        refuse_network_variables(options.environment)
        try:
            from .s3_files import list_s3  # noqa: PLC0415 - an optional extra
        except ModuleNotFoundError as error:
            raise SettingsError(f"s3:// needs the package {error.name}.", remedy="Install bge-reranker[s3].") from None
        return list_s3(source, options.environment, allow_pickle=options.allow_pickle)
