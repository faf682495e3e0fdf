"""Files of a Hugging Face hub, asked for through huggingface_hub."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
from huggingface_hub import HfApi, ModelInfo, constants, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status, parse_ratelimit_headers

from ...errors import Gated, HubUnreachable, ModelError, UnknownModel
from ..manifest import MAX_FILE_BYTES, Provenance
from ..remote import Chunks, Listing, RemoteFile, read_small
from ..selection import select
from ..source import Source
from .hub import DEFAULT_BRANCH
from .network import hub_endpoint
from .ranges import asked_range, chunks_from, retry_after_s

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 401, 403, 404, 429


class Hub:
    """One hub with one token.

    Args:
        environment: HF_ENDPOINT and HF_TOKEN; without a token, the one that `hf auth login` keeps. HF_HUB_ETAG_TIMEOUT
            and HF_HUB_DOWNLOAD_TIMEOUT say how many whole seconds of silence are borne, by default 10 each.
        allow_pickle: Whether pickles will do where there is nothing else.
    """

    def __init__(self, environment: Mapping[str, str], *, allow_pickle: bool) -> None:
        self._allow_pickle = allow_pickle
        self._endpoint = hub_endpoint(environment, constants.ENDPOINT)
        # A secret made from a file often ends in a line break.
        self._token = environment.get("HF_TOKEN", "").strip() or None
        self._list_timeout_s = float(environment.get("HF_HUB_ETAG_TIMEOUT") or constants.HF_HUB_ETAG_TIMEOUT)
        self._read_timeout_s = float(environment.get("HF_HUB_DOWNLOAD_TIMEOUT") or constants.HF_HUB_DOWNLOAD_TIMEOUT)

    def list(self, source: Source) -> Listing:
        """Ask once what a revision means and which files it has.

        Args:
            source: The repository and its revision.

        Raises:
            UnknownModel: If there is no such repository or revision.
            Gated: If credentials are missing or insufficient.
            HubUnreachable: If the hub does not answer.
        """
        if self._token is not None and _TOKEN.fullmatch(self._token) is None:
            # Asking with it would fail in words that quote it.
            raise Gated("HF_TOKEN holds characters that no token has.", remedy="Set it to the token alone.")
        with self._refusals(source):
            info = self._info(source)
        commit = info.sha
        if not commit or _COMMIT.fullmatch(commit) is None:
            raise HubUnreachable(f"{self._endpoint} did not say which commit {source.shown} is.")
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or ()}

        def read(name: str) -> bytes:
            return read_small(self._file(source, commit, siblings[name]))

        chosen = select(list(siblings), source.shown, read, allow_pickle=self._allow_pickle)
        files = tuple(self._file(source, commit, siblings[name]) for name in chosen)
        return Listing(files, self._provenance(source, commit, info))

    def _info(self, source: Source) -> ModelInfo:
        try:
            info = HfApi(endpoint=self._endpoint, token=self._token).model_info(
                source.location, revision=source.revision, files_metadata=True, timeout=self._list_timeout_s
            )
            for sibling in info.siblings or ():
                _refuse_impossible(sibling)
        except HFValidationError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise HubUnreachable(
                f"{self._endpoint} answers, but not as a hub does ({type(error).__name__}).",
                remedy="Correct HF_ENDPOINT, or sign in where a proxy or portal answers in its place.",
            ) from error
        return info

    def _file(self, source: Source, commit: str, sibling: RepoSibling) -> RemoteFile:
        def open_range(start: int, end: int | None) -> Chunks:
            return self._open(source, commit, sibling.rfilename, start, end)

        lfs = sibling.lfs
        return RemoteFile(
            path=sibling.rfilename,
            size_bytes=lfs.size if lfs else sibling.size,
            open=open_range,
            version=commit,
            sha256=lfs.sha256 if lfs else None,
            git_oid=None if lfs else sibling.blob_id,
        )

    @contextmanager
    def _open(self, source: Source, commit: str, name: str, start: int, end: int | None) -> Iterator[Iterator[bytes]]:
        url = hf_hub_url(source.location, name, revision=commit, endpoint=self._endpoint)
        # The client drops the token where the hub sends it on to another host.
        headers = build_hf_headers(token=self._token) | {"Accept-Encoding": "identity"} | asked_range(start, end)
        with (
            self._refusals(source),
            get_session().stream("GET", url, headers=headers, timeout=self._read_timeout_s) as response,
        ):
            hf_raise_for_status(response)
            yield chunks_from(response, start)

    @contextmanager
    def _refusals(self, source: Source) -> Iterator[None]:
        """Translate the exceptions of the hub's client."""
        try:
            yield
        except (GatedRepoError, DisabledRepoError) as error:
            raise self._gated(source, error) from error
        except RevisionNotFoundError as error:
            raise UnknownModel(
                f"{source.shown} has no revision {source.revision or DEFAULT_BRANCH} on {self._endpoint}.",
                remedy="Give a branch, tag or commit that the model's page lists.",
            ) from error
        except RepositoryNotFoundError as error:
            raise self._not_found(source, error) from error
        except RemoteEntryNotFoundError as error:
            raise UnknownModel(f"{source.shown}: a listed file is gone from {self._endpoint}.") from error
        except HfHubHTTPError as error:
            raise self._status(source, error) from error
        except OfflineModeIsEnabled as error:
            raise HubUnreachable(
                f"{source.shown} is in no cache here, and HF_HUB_OFFLINE forbids to ask {self._endpoint}.",
                remedy="Unset HF_HUB_OFFLINE, or bring the model here as a bundle (`bge-reranker model pack`).",
            ) from error
        except HFValidationError as error:
            raise UnknownModel(f"{source.shown} can be no model's name on a hub.") from error
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            raise HubUnreachable(f"{self._endpoint} does not answer ({_described(error)}).") from error

    def _gated(self, source: Source, error: HfHubHTTPError) -> Gated:
        who = "without a token" if self._token is None else "with this token"
        return Gated(
            f"{source.shown} is gated and not open {who} ({error.response.status_code} from {self._endpoint}).",
            figures={"status": error.response.status_code},
        )

    def _not_found(self, source: Source, error: HfHubHTTPError) -> ModelError:
        status = error.response.status_code
        if status == _UNAUTHORISED and self._token is not None:
            return Gated(
                f"{self._endpoint} refuses the token for {source.shown} ({status}).", figures={"status": status}
            )
        return UnknownModel(
            f"{self._endpoint} has no model {source.location}, or it is private ({status}).",
            remedy="Correct the name, or set HF_TOKEN to a token that may read it.",
            figures={"status": status},
        )

    def _status(self, source: Source, error: HfHubHTTPError) -> ModelError:
        status = error.response.status_code
        if status in {_UNAUTHORISED, _FORBIDDEN}:
            return Gated(f"{self._endpoint} refuses {source.shown} ({status}).", figures={"status": status})
        if status == _NOT_FOUND:
            # Mirrors say no more; the Hub itself names the reason in a header, which became another exception.
            return UnknownModel(
                f"{self._endpoint} has no {source.shown} ({status}).",
                remedy="Correct the name and the revision; where HF_ENDPOINT names a mirror, its address too.",
                figures={"status": status},
            )
        return HubUnreachable(
            f"{self._endpoint} answered {status} for {source.shown}.",
            remedy="Wait a little and run the same command again." if status == _TOO_MANY else "",
            retry_after_s=_wait_s(error.response),
            figures={"status": status},
        )

    def _provenance(self, source: Source, commit: str, info: ModelInfo) -> Provenance:
        card: Any = info.card_data
        licence = card.get("license") if card is not None else None
        return Provenance(source.shown, source.revision, commit, None if licence is None else str(licence))


def _refuse_impossible(sibling: RepoSibling) -> None:
    """Refuse what the client passes on as it came.

    Raises:
        TypeError: If a value is of another type than the client declares.
        ValueError: If a size is none that a file has.
    """
    lfs = sibling.lfs
    for size_bytes in (sibling.size, lfs.size if lfs else None):
        if size_bytes is not None and not 0 <= operator.index(size_bytes) <= MAX_FILE_BYTES:
            raise ValueError("a file has a size that no file has")
    for text in (sibling.rfilename, sibling.blob_id or "", lfs.sha256 if lfs else ""):
        if not isinstance(text, str):
            raise TypeError("a file has a name or a hash that is no text")


def _wait_s(response: httpx2.Response) -> float | None:
    """Seconds after which the hub wants to be asked again: as any server says it, or as it tells of its quotas."""
    quota = parse_ratelimit_headers(response.headers)
    reset_s = None if quota is None or quota.remaining > 0 else float(quota.reset_in_seconds)
    return retry_after_s(response) or reset_s


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
