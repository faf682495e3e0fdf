"""One registry over HTTP: addresses, tokens and uploads are oras', waiting and failing are ours."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from oras.auth.token import TokenAuth
from oras.container import Container
from oras.provider import Registry
from requests.adapters import HTTPAdapter
from typing_extensions import override

from ...errors import Gated, HubUnreachable, ModelError, UnknownModel
from .oci_credentials import find_credentials

CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S = 10.0, 30.0
"""Seconds that a connection may take, and that a registry may say nothing."""

_MAX_ANSWER_BYTES = 1_048_576
"""Most bytes of a token or of what stands beside a redirect; some of each have a few thousand."""

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io"})
_HUB_API = "registry-1.docker.io"

_UNAUTHORISED, _FORBIDDEN, _TOO_LARGE = 401, 403, 413
_NOT_FOUND, _CLIENT_ERROR = frozenset({404, 410}), range(400, 500)
_WORTH_A_RETRY = frozenset({408, 425, 429})


class RegistryClient(Registry):  # type: ignore[misc]  # it ships no types
    """A repository of a registry, with whoever may read it.

    Args:
        repository: `registry/path`.
        environment: Where credentials are, and SSL_CERT_FILE; proxies are read from the process's own.

    Raises:
        SettingsError: If a file of credentials cannot be used.
    """

    def __init__(self, repository: str, environment: Mapping[str, str]) -> None:
        # It tells people of each refusal, in colours.
        logging.getLogger("oras.logger").disabled = True
        host, _, path = repository.partition("/")
        self.api_host = _HUB_API if host in _HUB_HOSTS else host
        is_loopback = urlsplit(f"//{host}").hostname in _LOOPBACK_HOSTS
        super().__init__(
            hostname=self.api_host,
            tls_verify=environment.get("SSL_CERT_FILE") or True,
        )
        self.session = _Session(allows_plain=is_loopback)
        self.auth: TokenAuth = self.auth
        self.auth.session = self.session
        if is_loopback and not self._is_encrypted():
            self.prefix = self.auth.prefix = "http"
        # A first part with a dot or a colon is what the library takes for a registry.
        self.container = Container(f"registry.invalid/{path}")
        self.container.registry = self.api_host
        self.shown = f"oci://{repository}"
        self._credentials = find_credentials(repository, environment)
        if self._credentials is not None:
            self.auth.set_basic_auth(self._credentials.user, self._credentials.password)
        self._authorization: dict[str, str] = {}
        self._lock = threading.Lock()

    def _is_encrypted(self) -> bool:
        """Whether a registry on this machine answers with https; others have to."""
        try:
            self.session.get(f"https://{self.api_host}/v2/", verify=self._tls_verify).close()
        except requests.exceptions.SSLError as error:
            # What is no certificate's fault is that of an answer in plain text.
            return "CERTIFICATE" in str(error)
        except requests.RequestException:
            # Whoever asks next finds out why.
            return False
        return True

    @property
    def address(self) -> str:
        """Where the repository's manifests and blobs are."""
        return f"{self.prefix}://{self.api_host}/v2/{self.container.api_prefix}"

    @override
    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
    ) -> requests.Response:
        """Ask once, and once more with what a registry wants to see first; whoever calls decides on further tries.

        The library's own asks up to six times with waits that grow to a minute and a half, without any limit to the
        time that an answer may take, and takes every challenge for one of tokens.
        """
        shown = self._authorization
        response = self._ask(url, method, data, {**(headers or {}), **shown}, json, stream)
        if response.status_code == _UNAUTHORISED and self._authorize(response, shown):
            response.close()
            if hasattr(data, "seek"):
                data.seek(0)
            response = self._ask(url, method, data, {**(headers or {}), **self._authorization}, json, stream)
        return response

    def _ask(
        self,
        url: str,
        method: str,
        data: Any,
        headers: Mapping[str, str],
        json: Any,
        stream: bool,  # noqa: FBT001 - as requests has it
    ) -> requests.Response:
        return self.session.request(
            method, url, data=data, json=json, headers=headers, stream=stream, verify=self._tls_verify
        )

    def _authorize(self, refused: requests.Response, shown: Mapping[str, str]) -> bool:
        """Get what a challenge asks for; whether there is anything to show that was not shown yet."""
        with self._lock:
            # Of several connections that are refused at once, the first gets a new token for all.
            if self._authorization == shown:
                self._authorization = self._answer_to(refused.headers.get("WWW-Authenticate", ""), refused)
            return bool(self._authorization) and self._authorization != shown

    def _answer_to(self, challenge: str, refused: requests.Response) -> dict[str, str]:
        kind = challenge.partition(" ")[0].lower()
        if kind == "basic" and self._credentials is not None:
            return {"Authorization": f"Basic {self.auth._basic_auth}"}  # noqa: SLF001 - its own packing
        if kind != "bearer":
            return {}
        try:
            headers, is_changed = self.auth.authenticate_request(refused, {}, refresh=True)
        except (AttributeError, TypeError):
            # A challenge that says not where, or a token that is no object.
            return {}
        return headers if is_changed else {}

    @contextmanager
    def answers(self, url: str, headers: Mapping[str, str], method: str = "GET") -> Iterator[requests.Response]:
        """Ask for something and give the answer, whose body is read piece by piece.

        Raises:
            UnknownModel: If it is not there.
            Gated: If nobody was named who may read it.
            HubUnreachable: If the registry does not answer, or asks to come back later.
        """
        with self.refusals(), self.do_request(url, method, headers=headers, stream=True) as response:
            self.refuse_failure(response)
            yield response

    def refuse_failure(self, response: requests.Response) -> None:
        """Raise what a status means, unless it means success."""
        if not response.ok:
            raise self._refusal(response)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Translate the exceptions of the client."""
        try:
            yield
        except _PlainText as error:
            raise UnknownModel(f"{self.shown}: {error}", remedy="Let the registry answer with https.") from None
        except requests.exceptions.InvalidJSONError as error:
            raise HubUnreachable(f"{self.api_host} answers, but not as a registry does.") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise HubUnreachable(f"{self.api_host} does not answer ({_described(error)}).") from error

    def _refusal(self, response: requests.Response) -> ModelError:
        status = response.status_code
        figures = {"status": status}
        if status in {_UNAUTHORISED, _FORBIDDEN}:
            return self._gated(status)
        if status in _NOT_FOUND:
            return UnknownModel(
                f"{self.api_host} has nothing at {_path(response)} ({status}).",
                remedy="Correct registry, repository, tag or digest.",
                figures=figures,
            )
        if status in _CLIENT_ERROR and status not in _WORTH_A_RETRY:
            return UnknownModel(f"{self.api_host} answered {status} for {_path(response)}.", figures=figures)
        after = response.headers.get("Retry-After", "")
        return HubUnreachable(
            f"{self.api_host} answered {status} for {_path(response)}.",
            retry_after_s=float(after) if after.isdecimal() else None,
            figures=figures,
        )

    def _gated(self, status: int) -> Gated:
        if self._credentials is None:
            return Gated(
                f"{self.shown} is not open to everybody, or not there, and no credentials fit it ({status}).",
                remedy="Sign in with `docker login`, or name a Secret (image.pullSecrets, secrets.registry.name).",
                figures={"status": status},
            )
        return Gated(
            f"{self.api_host} refuses {self.shown} to {self._credentials.user} ({status}).",
            remedy="Give this user the right to read it, or the Secret another user's password.",
            figures={"status": status},
        )


class _TooLong(requests.exceptions.InvalidJSONError):
    """An answer that is read whole, and has no end."""


class _BoundedAdapter(HTTPAdapter):
    """Reads what the library reads whole, answers that are no streams and those that lead elsewhere, to a bound."""

    @override
    def send(
        self, request: requests.PreparedRequest, stream: bool = False, *arguments: Any, **options: Any
    ) -> requests.Response:
        response = super().send(request, True, *arguments, **options)
        if response.is_redirect or not stream:
            body = response.raw.read(_MAX_ANSWER_BYTES + 1, decode_content=True)
            if len(body) > _MAX_ANSWER_BYTES:
                response.close()
                raise _TooLong(f"more than {_MAX_ANSWER_BYTES} bytes")
            # Where the library keeps what it has read.
            response._content, response._content_consumed = body, True  # noqa: SLF001
        return response


class _PlainText(requests.RequestException):
    """An address without encryption, of which nothing is taken and to which no password goes."""


class _Session(requests.Session):
    """What the library asks through: with limits to silence, and encrypted at each step of the way.

    Args:
        allows_plain: Whether http:// will do, since the registry is on this machine.
    """

    def __init__(self, *, allows_plain: bool) -> None:
        super().__init__()
        self._allows_plain = allows_plain
        # Otherwise ~/.netrc would replace a token by its own password.
        self.auth = _unchanged
        self.mount("https://", _BoundedAdapter())
        self.mount("http://", _BoundedAdapter())

    @override
    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        address = urlsplit(request.url or "")
        if address.scheme != "https" and not (self._allows_plain and address.hostname in _LOOPBACK_HOSTS):
            raise _PlainText(f"{address.hostname} is asked without encryption.")
        options["timeout"] = options.get("timeout") or (CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S)
        return super().send(request, **options)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _path(response: requests.Response) -> str:
    """What was asked for, without the query, which of a redirect is a signature."""
    return urlsplit(response.url).path


def _described(error: Exception) -> str:
    # The whole of it may have an address with a signature.
    cause: BaseException = error
    while (below := cause.__cause__ or cause.__context__) is not None and below is not cause:
        cause = below
    text = str(cause).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text and "://" not in text else type(error).__name__
