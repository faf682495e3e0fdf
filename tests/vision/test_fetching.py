"""Fetching, against a real server; what a host resolves to, and where a judged address leads, are arguments."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from bge_reranker.errors import PictureUnavailable
from bge_reranker.vision.fetching import PictureFetcher, resolve
from bge_reranker.vision.public_addresses import is_public
from tests.store.servers.authority import write_authority

from .picture_server import PICTURE, picture_server

PUBLIC = "93.184.216.34"
MAX_BYTES = 2_000


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with picture_server() as serving:
        yield serving


class Internet:
    """Names, each with what it resolves to the first time, the second, ...; every public address is the server's."""

    def __init__(self, port: int, names: dict[str, Sequence[str]]) -> None:
        self._port = port
        self._names = {name: iter(addresses) for name, addresses in names.items()}
        self.asked: list[str] = []
        self.connected: list[tuple[str, int]] = []

    def resolve(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        return [next(self._names[host])]

    def connect(self, address: tuple[str, int], timeout_s: float) -> socket.socket:
        self.connected.append(address)
        return socket.create_connection(("127.0.0.1", self._port), timeout_s)

    def fetch(self, url: str) -> bytes:
        fetcher = PictureFetcher(MAX_BYTES, 10, is_public_only=True, resolver=self.resolve, connect=self.connect)
        return fetcher.fetch(url)


def _fetcher(*, is_public_only: bool = False, found: Sequence[str] = ("127.0.0.1",)) -> PictureFetcher:
    return PictureFetcher(MAX_BYTES, 10, is_public_only=is_public_only, resolver=lambda _host, _port: found)


def test_where_all_addresses_are_allowed_a_picture_is_fetched_from_this_network(port: int) -> None:
    assert _fetcher().fetch(f"http://pictures.test:{port}/picture") == PICTURE


def test_the_connection_goes_to_the_address_that_was_judged_whatever_the_name_resolves_to_afterwards(port: int) -> None:
    internet = Internet(port, {"pictures.test": [PUBLIC, "127.0.0.1"]})

    assert internet.fetch("http://pictures.test/picture") == PICTURE
    assert (internet.asked, internet.connected) == (["pictures.test"], [(PUBLIC, 80)])


def test_a_redirect_to_a_private_address_is_refused_before_anything_is_sent_there(port: int) -> None:
    internet = Internet(port, {"pictures.test": [PUBLIC], "inside.test": ["10.0.0.7"]})

    with pytest.raises(PictureUnavailable, match="not public"):
        internet.fetch("http://pictures.test/inside")
    assert (internet.asked, internet.connected) == (["pictures.test", "inside.test"], [(PUBLIC, 80)])


def test_each_hop_is_judged_anew_even_on_the_same_host(port: int) -> None:
    assert Internet(port, {"pictures.test": [PUBLIC, PUBLIC]}).fetch("http://pictures.test/moved") == PICTURE
    with pytest.raises(PictureUnavailable, match="not public"):
        Internet(port, {"pictures.test": [PUBLIC, "::1"]}).fetch("http://pictures.test/moved")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/large", f"more than {MAX_BYTES} bytes, the limit (pictures.maxPictureBytes)"),
        ("/round", "redirects more than 3 times"),
        ("/none", "status 404"),
        ("/short", "sent less than it announced"),
    ],
)
def test_what_is_no_picture_is_said(port: int, path: str, problem: str) -> None:
    with pytest.raises(PictureUnavailable) as caught:
        _fetcher().fetch(f"http://pictures.test:{port}{path}")
    assert problem in caught.value.message
    assert caught.value.remedy


def test_a_path_in_any_script_is_asked_for_in_percents(port: int) -> None:
    assert _fetcher().fetch(f"http://pictures.test:{port}/picture/苹果 1.png?a=b%20c") == PICTURE


@pytest.mark.parametrize("found", [["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["::ffff:169.254.169.254"]])
def test_a_host_with_a_private_address_is_refused_before_anything_is_sent(found: list[str]) -> None:
    with pytest.raises(PictureUnavailable, match="not public"):
        _fetcher(is_public_only=True, found=found).fetch("https://example.com/a.png")


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]"])
def test_this_machine_is_refused_in_every_way_of_writing_it(host: str) -> None:
    fetcher = PictureFetcher(MAX_BYTES, 10, is_public_only=True, resolver=resolve)

    with pytest.raises(PictureUnavailable, match="not public"):
        fetcher.fetch(f"http://{host}/picture")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://example.com:6379/", "port 6379"),
        ("https://me:secret@example.com/", "a user or a password"),
        ("https:///a.png", "none of http or https"),
        ("https://[::1/a.png", "malformed"),
        ("https://example.com:99999/", "malformed"),
    ],
)
def test_odd_addresses_are_refused_by_what_is_odd(url: str, problem: str) -> None:
    with pytest.raises(PictureUnavailable, match=problem):
        _fetcher(is_public_only=True, found=[PUBLIC]).fetch(url)


def test_a_name_server_that_does_not_answer_takes_no_more_time_than_a_picture_has() -> None:
    answered = threading.Event()

    def hanging(_host: str, _port: int) -> list[str]:
        answered.wait(20)
        return [PUBLIC]

    try:
        fetcher = PictureFetcher(MAX_BYTES, 0.2, is_public_only=True, resolver=hanging)
        with pytest.raises(PictureUnavailable, match=r"longer than 0.2 s to arrive, the limit"):
            fetcher.fetch("https://pictures.test/a.png")
        patient = PictureFetcher(MAX_BYTES, 10, is_public_only=True, resolver=hanging)
        with pytest.raises(PictureUnavailable, match=r"longer than 0.25 s to arrive, its share of the request's time"):
            patient.fetch("https://pictures.test/a.png", 0.25)
    finally:
        answered.set()


def test_nobody_listening_is_named_by_its_kind_alone() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(PictureUnavailable, match=r"cannot be fetched \(ConnectionRefusedError\)"):
        _fetcher().fetch(f"http://pictures.test:{port}/")


def _seconds() -> Callable[[], float]:
    """A clock that goes on by a second each time that it is looked at."""
    moments = itertools.count()
    return lambda: float(next(moments))


@pytest.mark.parametrize("path", ["/drops-of-body", "/drops-of-headers"])
def test_a_server_that_sends_drop_by_drop_ends_at_the_deadline(port: int, path: str) -> None:
    fetcher = PictureFetcher(
        10**9, 20, is_public_only=False, resolver=lambda _host, _port: ["127.0.0.1"], clock=_seconds()
    )

    with pytest.raises(PictureUnavailable, match="longer than 20 s to arrive"):
        fetcher.fetch(f"http://pictures.test:{port}{path}")


@pytest.fixture
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    authority, certificate = write_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with picture_server(certificate) as serving:
        yield serving


def test_a_certificate_is_compared_with_the_name_and_not_with_the_address(encrypted: int) -> None:
    assert Internet(encrypted, {"localhost": [PUBLIC]}).fetch("https://localhost/picture") == PICTURE
    with pytest.raises(PictureUnavailable, match="SSLCertVerificationError"):
        Internet(encrypted, {"pictures.test": [PUBLIC]}).fetch("https://pictures.test/picture")


def test_a_redirect_from_https_to_http_is_not_followed(encrypted: int) -> None:
    with pytest.raises(PictureUnavailable, match="from https to another scheme"):
        Internet(encrypted, {"localhost": [PUBLIC, PUBLIC]}).fetch("https://localhost/downgraded")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False), ("::", False), ("fd00::1", False), ("fe80::1", False),
        ("fec0::1", False), ("ff02::1", False), ("::ffff:10.0.0.1", False), ("::10.0.0.1", False),
        ("64:ff9b::a00:1", False), ("64:ff9b:1::a00:1", False), ("2002:a00:1::", False), ("2001::a00:1", False),
        ("2001:db8::1", False), ("3fff:fff::1", False), ("3fff:1000::1", True),
        ("192.0.0.192", False), ("192.88.99.1", False), ("168.63.129.16", False),
    ],
)  # fmt: skip
def test_only_addresses_of_the_internet_are_public(text: str, expected: bool) -> None:  # noqa: FBT001
    assert is_public(ip_address(text)) is expected
