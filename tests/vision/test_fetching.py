"""Fetching, against a server on a socket of its own; what a host resolves to is an argument."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest
from typing_extensions import override

from bge_reranker.errors import PictureUnavailable
from bge_reranker.vision.fetching import PictureFetcher, is_public


class _Answers(BaseHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/picture":
            self._answer(200, b"pixels")
        elif self.path == "/large":
            self._answer(200, bytes(5_000))
        elif self.path == "/inside":
            self._answer(302, b"", "http://inside.test/secret")
        elif self.path == "/round":
            self._answer(302, b"", "/round")
        else:
            self._answer(404, b"")

    def _answer(self, status: int, content: bytes, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://pictures.test:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _fetcher(*, is_public: bool = False, found: list[str] | None = None) -> PictureFetcher:
    return PictureFetcher(1_000, 10, is_public=is_public, resolver=lambda _host, _port: found or ["127.0.0.1"])


def test_a_picture_is_fetched_from_the_address_that_was_judged(address: str) -> None:
    assert _fetcher().fetch(f"{address}/picture") == b"pixels"


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/large", "more than 1000 bytes"), ("/round", "redirects more than 3 times"), ("/none", "status 404")],
)
def test_what_is_no_picture_is_said(address: str, path: str, problem: str) -> None:
    with pytest.raises(PictureUnavailable, match=problem):
        _fetcher().fetch(address + path)


@pytest.mark.parametrize("found", [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:169.254.169.254"]])
def test_a_host_with_a_private_address_is_refused_before_anything_is_sent(found: list[str]) -> None:
    with pytest.raises(PictureUnavailable, match="not public"):
        _fetcher(is_public=True, found=found).fetch("https://example.com/a.png")


def test_a_redirect_is_judged_like_the_first_address(address: str) -> None:
    asked: list[str] = []

    def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if host == "pictures.test" else []

    with pytest.raises(PictureUnavailable, match="has no address"):
        PictureFetcher(1_000, 10, is_public=False, resolver=resolver).fetch(f"{address}/inside")
    assert asked == ["pictures.test", "inside.test"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://example.com:6379/", "port 6379"),
        ("https://me:secret@example.com/", "a user or a password"),
        ("https:///a.png", "none of http or https"),
    ],
)
def test_odd_addresses_are_refused_by_what_is_odd(url: str, problem: str) -> None:
    with pytest.raises(PictureUnavailable, match=problem):
        _fetcher(is_public=True, found=["93.184.216.34"]).fetch(url)


def test_time_is_counted_over_the_whole_picture(address: str) -> None:
    moments = iter([0.0, 0.1, 0.2, 0.3, *[11.0] * 20])
    fetcher = PictureFetcher(
        1_000, 10, is_public=False, resolver=lambda _host, _port: ["127.0.0.1"], clock=lambda: next(moments)
    )

    with pytest.raises(PictureUnavailable, match="longer than 10 s"):
        fetcher.fetch(f"{address}/picture")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False),
        ("fd00::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:a00:1::", False),
    ],
)  # fmt: skip
def test_only_addresses_of_the_internet_are_public(text: str, expected: bool) -> None:  # noqa: FBT001
    assert is_public(ip_address(text)) is expected
