"""TLS of the API's listener: a certificate that is read again when its files change, without a connection dropped."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from ..errors import SettingsError
from ..file_changes import FileChanges
from ..settings import HttpSettings

_log = structlog.get_logger("bge_reranker.process")


class Certificates:
    """Gives each new connection the certificate of the moment.

    Args:
        certificate: PEM file with the certificate, and those of whoever signed it.
        key: PEM file with its key.
        clock: Seconds, monotonic.

    Raises:
        SettingsError: If they cannot be read, or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = (certificate, key)
        self._changes = FileChanges(certificate, key, clock=clock)
        try:
            self._current = self._load()
        except OSError as error:
            # ssl.SSLError is one, and its text may quote the file.
            raise SettingsError(
                f"The certificate {certificate} with the key {key} cannot be used: {_reason(error)}.",
                remedy="Mount a pair in PEM there, or correct tlsCertFile and tlsKeyFile.",
            ) from None
        self.context = self._current
        """What a listener is opened with: its connections are handed over to the context of the moment."""
        self.context.sni_callback = self._hand_over

    def _hand_over(self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _outer: ssl.SSLContext) -> None:
        """Called in each handshake, whether the client names a server or not."""
        if self._changes.are_there():
            self._read_again()
        connection.context = self._current

    def _read_again(self) -> None:
        try:
            self._current = self._load()
        except OSError as error:
            # A pair that is being written, or does not belong together: the former one serves on.
            _log.error("certificate_not_read", reason=_reason(error))
        else:
            _log.info("certificate_read")

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        certificate, key = self._files
        context.load_cert_chain(certificate, key)
        return context


def _reason(error: OSError) -> str:
    return (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or type(error).__name__


def certificates_of(http: HttpSettings) -> Certificates | None:
    """The certificate that the settings name; None where the listener speaks plain HTTP.

    Raises:
        SettingsError: If its files cannot be used.
    """
    # One needs the other by the rules of settings.
    if http.tls_cert_file is None or http.tls_key_file is None:
        return None
    return Certificates(Path(http.tls_cert_file), Path(http.tls_key_file))
