"""TLS of a listener: its certificate is exchanged under running connections."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from starlette.responses import PlainTextResponse

from bge_reranker.errors import SettingsError
from bge_reranker.serving.certificates import Certificates, certificates_of
from bge_reranker.serving.listeners import Listener
from bge_reranker.settings import HttpSettings

WAIT_S = 20.0


def write_pair(folder: Path, name: str) -> None:
    """A key, and a certificate that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for file, content in (("tls.crt", signed.public_bytes(Encoding.PEM)), ("tls.key", private)):
        (folder / f"{file}.new").write_bytes(content)
        (folder / f"{file}.new").rename(folder / file)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def listening(certificates: Certificates) -> Iterator[tuple[str, int]]:
    listener = Listener(
        PlainTextResponse("hello"),
        "127.0.0.1",
        0,
        "port",
        HttpSettings(),
        lambda _e, _s: None,
        certificates=certificates,
    )
    assert listener.address.startswith("https://")
    thread = threading.Thread(target=asyncio.run, args=(listener.run_until_stopped(),))
    thread.start()
    try:
        yield listener.socket.getsockname()[:2]
    finally:
        # uvicorn's own poll, which comes after, gives them the turns in which their sockets close.
        deadline = time.monotonic() + WAIT_S
        while listener.server_state.connections and time.monotonic() < deadline:
            thread.join(0.01)
        listener.stop()
        thread.join(WAIT_S)


def connect(address: tuple[str, int], name: str | None = "any.example") -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(address, timeout=WAIT_S), server_hostname=name)


def name_of(connection: ssl.SSLSocket) -> Any:
    certificate = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    return certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def is_answered(connection: ssl.SSLSocket) -> bool:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"hello"):
        answer += connection.recv(4096) or pytest.fail("the connection ended")
    return answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("name", ["any.example", None])
def test_a_new_certificate_is_shown_to_the_next_client_and_no_connection_is_dropped(
    tmp_path: Path, name: str | None
) -> None:
    clock = Clock()
    write_pair(tmp_path, "first")
    certificates = Certificates(tmp_path / "tls.crt", tmp_path / "tls.key", clock)
    with listening(certificates) as address, connect(address, name) as before:
        assert name_of(before) == "first"
        assert is_answered(before)
        write_pair(tmp_path, "second")
        clock.now += 1
        with connect(address, name) as after:
            assert name_of(after) == "second"
            assert is_answered(after)
        assert is_answered(before)
        assert before.version() in {"TLSv1.2", "TLSv1.3"}


def test_the_former_certificate_serves_on_while_the_files_make_no_pair(tmp_path: Path) -> None:
    clock = Clock()
    write_pair(tmp_path, "first")
    certificates = Certificates(tmp_path / "tls.crt", tmp_path / "tls.key", clock)
    with listening(certificates) as address:
        (tmp_path / "tls.key").write_text("half a k")
        clock.now += 1
        with connect(address) as connection:
            assert name_of(connection) == "first"
        write_pair(tmp_path, "third")
        clock.now += 1
        with connect(address) as connection:
            assert name_of(connection) == "third"


def test_old_versions_of_the_protocol_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "first")
    context = Certificates(tmp_path / "tls.crt", tmp_path / "tls.key").context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_pair_that_cannot_be_used_stops_the_start_and_is_not_shown(tmp_path: Path) -> None:
    write_pair(tmp_path, "first")
    certificate, key = str(tmp_path / "tls.crt"), str(tmp_path / "tls.key")
    assert certificates_of(HttpSettings()) is None
    with pytest.raises(SettingsError, match="No such file"):
        certificates_of(HttpSettings(tls_cert_file=certificate, tls_key_file="/absent/tls.key"))
    (tmp_path / "other").mkdir()
    write_pair(tmp_path / "other", "other")
    with pytest.raises(SettingsError, match="cannot be used") as raised:
        certificates_of(HttpSettings(tls_cert_file=certificate, tls_key_file=str(tmp_path / "other" / "tls.key")))
    assert "PRIVATE" not in raised.value.sentence()
    assert key not in raised.value.sentence()
