"""Reading the pictures of a request: side by side, bounded in time, each with its own error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from bge_reranker.errors import InvalidPicture, PictureUnavailable, RerankerError
from bge_reranker.vision.reader import PictureReader, Pictures
from bge_reranker.vision.turns import Pixels

from .tiny import data_uri

WAIT_S = 20.0
URL = "https://pictures.test/a.png"


def decode(content: bytes) -> Pixels:
    if content == b"bad":
        raise InvalidPicture("bad")
    return np.full((1, 1, 3), content[0], dtype=np.uint8)


def _codes(pictures: Pictures) -> list[str]:
    return [found.code if isinstance(found, RerankerError) else "" for found in pictures.documents.values()]


def test_each_picture_that_cannot_be_read_has_its_own_error() -> None:
    sources = [data_uri(b"a"), data_uri(b"bad"), "ftp://a/b", "data:image/png,a", "data:image/png;base64,?", URL]

    found = PictureReader(decode, 100).read({}, dict(enumerate(sources)), WAIT_S)

    assert _codes(found) == ["", *["InvalidPicture"] * 5]
    problem = found.documents[5]
    assert isinstance(problem, RerankerError)
    assert "pictures.fetchPictures" in problem.sentence()


def test_base64_may_have_line_breaks_as_programs_write_it() -> None:
    (found,) = PictureReader(decode, 100).read({}, {0: "data:image/png;base64,\nYQ\r\n==\n"}, WAIT_S).documents.values()

    assert isinstance(found, np.ndarray)
    assert found[0, 0, 0] == ord("a")


@pytest.mark.parametrize("text", ["-_-_", "-_-", "+/+/", "data:image/png;base64,-_8", "+/8=", "+/\n8\n"])
def test_base64_may_come_alone_without_padding_and_in_the_alphabet_of_addresses(text: str) -> None:
    (found,) = PictureReader(decode, 100).read({}, {0: text}, WAIT_S).documents.values()

    assert isinstance(found, np.ndarray)
    assert found[0, 0, 0] == 0xFB


@pytest.mark.parametrize("text", ["/etc/passwd.png", "a", "a picture", "a.png", "<svg/>", "data:image/png;base64,a"])
def test_what_is_no_base64_is_told_apart_from_damage(text: str) -> None:
    problem = PictureReader(decode, 100).read({}, {0: text}, WAIT_S).documents[0]

    assert isinstance(problem, InvalidPicture)
    assert ("base64 is damaged" in problem.message) is (text[-1] == "a")


def test_what_is_too_large_in_base64_is_refused_before_it_is_decoded() -> None:
    found = PictureReader(decode, 100).read({}, {3: data_uri(bytes(200))}, WAIT_S)

    problem = found.documents[3]
    assert isinstance(problem, InvalidPicture)
    assert "more than 100 bytes, the limit (pictures.maxPictureBytes)" in problem.message


def test_a_picture_that_is_there_twice_is_fetched_once_and_shared() -> None:
    fetched: list[str] = []

    def fetch(url: str, _timeout_s: float) -> bytes:
        fetched.append(url)
        return b"a"

    found = PictureReader(decode, 100, fetch).read({0: URL}, {0: URL, 2: URL}, WAIT_S)

    assert fetched == [URL]
    assert found.queries[0] is found.documents[0] is found.documents[2]


def test_a_query_that_cannot_be_read_is_named_as_such() -> None:
    problem = PictureReader(decode, 100).read({0: "data:image/png;base64,?"}, {}, WAIT_S).queries[0]

    assert isinstance(problem, InvalidPicture)
    assert problem.message == "`query.image`: The picture's base64 is damaged."


Read = Callable[[PictureReader, str, dict[int, str], float], Coroutine[Any, Any, Pictures]]


async def _in_loop(reader: PictureReader, query: str, documents: dict[int, str], timeout_s: float) -> Pictures:
    return await reader.read_async({0: query}, documents, timeout_s)


async def _in_thread(reader: PictureReader, query: str, documents: dict[int, str], timeout_s: float) -> Pictures:
    return await asyncio.to_thread(reader.read, {0: query}, documents, timeout_s)


@pytest.mark.parametrize("read", [_in_loop, _in_thread])
def test_a_picture_that_is_late_costs_its_own_score_and_no_other_s(read: Read) -> None:
    arrived = threading.Event()

    def fetch(_url: str, _timeout_s: float) -> bytes:
        assert arrived.wait(WAIT_S)
        return b"a"

    try:
        reader, inline = PictureReader(decode, 100, fetch), data_uri(b"b")
        found = asyncio.run(read(reader, inline, {0: URL, 1: inline}, 0.2))
    finally:
        arrived.set()

    assert _codes(found) == ["PictureUnavailable", ""]


def test_slow_addresses_keep_nobody_waiting_whose_pictures_are_in_the_request() -> None:
    arrived = threading.Event()

    def fetch(_url: str, _timeout_s: float) -> bytes:
        assert arrived.wait(WAIT_S)
        return b"a"

    async def ask() -> tuple[Pictures, Pictures]:
        reader = PictureReader(decode, 100, fetch)
        slow = asyncio.create_task(reader.read_async({}, {index: f"{URL}?{index}" for index in range(50)}, WAIT_S))
        quick = await reader.read_async({}, {0: data_uri(b"b")}, WAIT_S)
        arrived.set()
        return quick, await slow

    quick, slow = asyncio.run(ask())

    assert _codes(quick) == [""]
    assert _codes(slow) == [""] * 50


def test_one_request_with_many_pictures_lets_others_between_them() -> None:
    order: list[bytes] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(content: bytes) -> Pixels:
        order.append(content)
        begun.set()
        assert go_on.wait(WAIT_S)
        return decode(content)

    async def ask() -> None:
        reader = PictureReader(slow, 100)
        many = {index: data_uri(b"many %d" % index) for index in range(40)}
        large = asyncio.create_task(reader.read_async({}, many, WAIT_S))
        await asyncio.to_thread(begun.wait, WAIT_S)
        small = asyncio.create_task(reader.read_async({}, {0: data_uri(b"one")}, WAIT_S))
        await asyncio.sleep(0)
        go_on.set()
        assert _codes(await small) == [""]
        assert _codes(await large) == [""] * 40

    asyncio.run(ask())

    assert order.index(b"one") <= 2


def test_a_caller_who_hangs_up_has_nothing_more_fetched() -> None:
    arrived = threading.Event()
    fetched: list[str] = []

    def fetch(url: str, _timeout_s: float) -> bytes:
        fetched.append(url)
        assert arrived.wait(WAIT_S)
        return b"a"

    async def ask() -> None:
        reader = PictureReader(decode, 100, fetch)
        task = asyncio.create_task(reader.read_async({}, {index: f"{URL}?{index}" for index in range(50)}, WAIT_S))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        arrived.set()

    asyncio.run(ask())

    assert len(fetched) < 50


def test_each_address_has_its_share_of_the_time_that_is_left() -> None:
    shares: list[float] = []

    def fetch(_url: str, timeout_s: float) -> bytes:
        shares.append(timeout_s)
        return b"a"

    PictureReader(decode, 100, fetch).read({}, {index: f"{URL}?{index}" for index in range(41)}, 44.0)

    # Of eleven rounds of four.
    assert max(shares[:4]) <= 44 / 11 + 1
    assert shares[-1] > 44 / 11 + 1


def test_of_a_thousand_addresses_each_has_a_moment() -> None:
    shares: list[float] = []

    def fetch(_url: str, timeout_s: float) -> bytes:
        shares.append(timeout_s)
        return b"a"

    PictureReader(decode, 100, fetch).read({}, {index: f"{URL}?{index}" for index in range(1000)}, 1.0)

    assert min(shares) == 0.25


def test_what_a_fetcher_raises_is_the_picture_s_error() -> None:
    def fetch(_url: str, _timeout_s: float) -> bytes:
        raise PictureUnavailable("away")

    assert _codes(PictureReader(decode, 100, fetch).read({}, {0: URL}, WAIT_S)) == ["PictureUnavailable"]
