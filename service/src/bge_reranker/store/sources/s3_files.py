"""Objects of a store that speaks S3. Needs the extra `s3`."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from ...errors import Gated, HubUnreachable, SettingsError, UnknownModel
from ...text_files import NotText, read_text
from ..archive import ARCHIVE_FILE, is_archive
from ..manifest import MANIFEST_FILE, MAX_MANIFEST_BYTES, Provenance, parse_manifest
from ..remote import Chunks, Listing, RemoteFile, read_small
from ..selection import select
from ..source import Source

if TYPE_CHECKING:
    from obstore import ObjectMeta

_VARIABLES = frozenset(
    "aws_access_key_id aws_secret_access_key aws_session_token aws_region aws_default_region aws_endpoint_url "
    "aws_virtual_hosted_style_request aws_skip_signature aws_request_payer aws_web_identity_token_file aws_role_arn "
    "aws_role_session_name aws_sts_endpoint aws_container_credentials_relative_uri "
    "aws_container_credentials_full_uri aws_container_authorization_token_file aws_metadata_endpoint".split()
)
"""Variables of the environment that the client is told, in lower case: endpoint, region, path style, credentials."""

_KEY = ("aws_access_key_id", "aws_secret_access_key")

_STATUS = re.compile(r"status code: (\d{3})")
_ASKED_FOR_A_ROLE = re.compile(r"/latest/(?:api/token|meta-data/)")
"""Addresses of a machine's metadata service, which the client asks where nobody gave it keys."""

_UNTRUSTED = "InvalidCertificate("
"""What the client says deep inside an error where an unknown authority signed the server's certificate."""

_CHUNK_BYTES = 262_144
_TRIES_OF_CLIENT: Any = {"max_retries": 1, "retry_timeout": timedelta(seconds=60)}
"""The client's own tries; who transfers tries more often, and goes on where it stopped."""


def list_s3(source: Source, environment: Mapping[str, str], *, allow_pickle: bool) -> Listing:
    """List the objects directly under a prefix, or the one archive that the location names.

    Args:
        source: Bucket and prefix.
        environment: The AWS variables; keys may also lie in a shared credentials file.
        allow_pickle: Whether pickles will do where there is nothing else.

    Raises:
        UnknownModel: If there is no such bucket, prefix or object.
        Gated: If credentials are missing or insufficient.
        HubUnreachable: If the store does not answer.
        SettingsError: If the endpoint is no address, or a key has no secret.
    """
    bucket, _, prefix = source.location.partition("/")
    if prefix and not {"", "."}.isdisjoint(prefix.split("/")):
        # The client takes no such keys.
        raise UnknownModel(f"{source.shown} has a part that is empty or a dot.", remedy="Correct the prefix.")
    provenance = Provenance(source.shown, source.revision)
    with _refusals(source):
        store = _client(bucket, environment)
        if is_archive(prefix):
            file = _file(source, store, obstore.head(store, prefix), ARCHIVE_FILE, None)
            return Listing((file,), provenance, is_archive=True)
        found = obstore.list_with_delimiter(store, prefix or None)["objects"]
        objects = {PurePosixPath(found["path"]).name: found for found in found}
        if not objects:
            raise UnknownModel(f"{source.shown} has no objects.", remedy="Give the prefix that holds config.json.")
        expected = _expected(source, store, objects.get(MANIFEST_FILE))

        def file_called(name: str) -> RemoteFile:
            return _file(source, store, objects[name], name, expected.get(name))

        chosen = select(
            list(objects), source.shown, lambda name: read_small(file_called(name)), allow_pickle=allow_pickle
        )
        return Listing(tuple(map(file_called, chosen)), provenance)


def _client(bucket: str, environment: Mapping[str, str]) -> S3Store:
    config: dict[str, Any] = {
        name.lower(): stripped
        for name, value in environment.items()
        # A secret made from a file often ends in a line break.
        if name.lower() in _VARIABLES and (stripped := value.strip())
    }
    if endpoint := environment.get("AWS_ENDPOINT_URL_S3", "").strip():
        config["aws_endpoint_url"] = endpoint
    _refuse_endpoint(config.get("aws_endpoint_url"))
    if "aws_access_key_id" not in config:
        config |= _shared_credentials(environment)
    _refuse_half_a_key(config)
    # Whoever names an endpoint without encryption means it: stores inside a cluster often have none.
    allow_http = str(config.get("aws_endpoint_url", "")).startswith("http://")
    return S3Store(
        bucket,
        config=config,  # type: ignore[arg-type]  # a dict of its keys
        client_options={"allow_http": allow_http, "timeout": "60s", "connect_timeout": "10s"},
        retry_config=_TRIES_OF_CLIENT,
    )


def _refuse_endpoint(endpoint: str | None) -> None:
    """Refuse what is no address, of which the client dies."""
    parts = urlsplit(endpoint or "https://s3")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(
            f"AWS_ENDPOINT_URL is {endpoint}, which is no address of a server.",
            remedy="Write https://host or https://host:port.",
        )


def _refuse_half_a_key(config: Mapping[str, Any]) -> None:
    """Refuse a key without its secret, or the reverse, which the client calls a failure of the network."""
    missing = [name.upper() for name in _KEY if name not in config]
    if len(missing) == 1:
        raise SettingsError(f"{missing[0]} is not set, but its other half is.", remedy="Set both, or neither.")


def _shared_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Keys of the profile in the shared credentials file, which the client does not read itself."""
    default = f"{environment.get('HOME', '')}/.aws/credentials"
    file = configparser.ConfigParser(interpolation=None)
    try:
        file.read_string(read_text(Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or default)))
        profile = file[environment.get("AWS_PROFILE", "").strip() or "default"]
    except (configparser.Error, KeyError, NotText):
        return {}
    return {name: profile[name] for name in (*_KEY, "aws_session_token") if profile.get(name)}


def _expected(source: Source, store: S3Store, manifest: ObjectMeta | None) -> Mapping[str, str]:
    """Hashes by name from a manifest among the objects, where there is one."""
    if manifest is None:
        return {}
    data = read_small(_file(source, store, manifest, MANIFEST_FILE, None), MAX_MANIFEST_BYTES)
    return {entry.path: entry.sha256 for entry in parse_manifest(data, f"{source.shown}/{MANIFEST_FILE}").files}


def _file(source: Source, store: S3Store, found: ObjectMeta, path: str, sha256: str | None) -> RemoteFile:
    tag = found["e_tag"] or ""

    def open_range(start: int, end: int | None) -> Chunks:
        return _open(source, store, found, start, end)

    return RemoteFile(path, found["size"], open_range, version=tag, sha256=sha256)


@contextmanager
def _open(source: Source, store: S3Store, found: ObjectMeta, start: int, end: int | None) -> Iterator[Iterator[bytes]]:
    options: dict[str, Any] = {"range": {"offset": start} if end is None else (start, end)}
    if found["e_tag"]:
        options["if_match"] = found["e_tag"]
    with _refusals(source):
        stream = obstore.get(store, found["path"], options=options).stream(min_chunk_size=_CHUNK_BYTES)  # type: ignore[arg-type]  # a dict of its keys
        yield _chunks(source, iter(stream))


def _chunks(source: Source, stream: Iterator[Any]) -> Iterator[bytes]:
    while True:
        # Only the client's own errors are translated: who copies has errors of its own.
        with _refusals(source):
            chunk = next(stream, None)
        if chunk is None:
            return
        yield bytes(chunk)


@contextmanager
def _refusals(source: Source) -> Iterator[None]:
    """Translate the client's exceptions."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise _unknown(source) from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise (_keyless(source) if _ASKED_FOR_A_ROLE.search(str(error)) else _gated(source)) from error
    except PreconditionError as error:
        raise HubUnreachable(
            f"{source.shown} changed while it was fetched.", remedy="Run the command again."
        ) from error
    except BaseError as error:
        if _ASKED_FOR_A_ROLE.search(str(error)):
            raise _keyless(source) from error
        status = _status(error)
        if status in {"401", "403"}:
            raise _gated(source) from error
        if status == "404":
            raise _unknown(source) from error
        raise HubUnreachable(f"{source.shown} does not answer: {_reason(error)}.") from error


def _gated(source: Source) -> Gated:
    return Gated(
        f"{source.shown} is not open with these credentials.",
        remedy="Give keys that may list and read it (AWS_ACCESS_KEY_ID, a role, or a credentials file).",
    )


def _keyless(source: Source) -> Gated:
    return Gated(
        f"No credentials were given for {source.shown}, and this machine has no role.",
        remedy="Give keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or a credentials file), or "
        "AWS_SKIP_SIGNATURE=true where the bucket is open to everybody.",
    )


def _unknown(source: Source) -> UnknownModel:
    return UnknownModel(f"{source.shown} is not there.", remedy="Correct bucket, prefix or endpoint.")


def _status(error: BaseError) -> str | None:
    """Why a listing failed, which the client tells in its words alone."""
    found = _STATUS.search(str(error))
    return None if found is None else found[1]


def _reason(error: BaseError) -> str:
    """The first line, and what the client says only further down."""
    line = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{line}: its certificate is not trusted" if _UNTRUSTED in str(error) else line
