"""Requests as no library makes them, byte by byte: hostile ones, and those of clumsy clients."""

from __future__ import annotations

import gzip
import json
import re
import socket

import pytest

from tests.live.server import WAIT_S, LiveServer

BODY = json.dumps({"query": "q", "candidates": ["bad", "good"]}).encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SECRET = b"the text of a document"


def request(
    body: bytes = BODY,
    path: bytes = b"/rerank",
    headers: bytes = b"",
    *,
    method: bytes = b"POST",
    version: bytes = b"HTTP/1.1",
    kind: bytes = b"application/json",
    length: bool = True,
    closes: bool = True,
) -> bytes:
    lines = [method + b" " + path + b" " + version, b"Host: x", b"Content-Type: " + kind]
    lines += [b"Content-Length: %d" % len(body)] if length else []
    lines += [b"Connection: close"] if closes else []
    return b"\r\n".join(lines) + b"\r\n" + headers + b"\r\n" + body


def chunks(body: bytes, size: int, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts) + b"0\r\n" + trailer + b"\r\n"


def get(path: bytes = b"/health", headers: bytes = b"", method: bytes = b"GET") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n"


def with_value(value: bytes) -> bytes:
    return request(b'{"query": "q", "candidates": [{"text": "a", "metadata": ' + value + b"}]}")


def statuses(server: LiveServer, sent: bytes) -> tuple[list[int], bytes]:
    """What the server answers until it closes the connection; that it closes is part of every test."""
    received = b""
    with socket.create_connection(server.address, timeout=WAIT_S) as connection:
        connection.sendall(sent)
        while chunk := connection.recv(65_536):
            received += chunk
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)], received


CASES: dict[str, tuple[bytes, list[int]]] = {
    "a byte order mark": (request(b"\xef\xbb\xbf" + BODY), [200]),
    "a charset in quotes": (request(kind=b'application/json; charset="UTF-8"'), [200]),
    "a charset that is none": (request(kind=b"application/json; charset=klingon"), [200]),
    "a content type in capitals": (request(kind=b"APPLICATION/JSON"), [200]),
    "two content types": (request(headers=b"Content-Type: text/plain\r\n"), [200]),
    "utf-16": (request(BODY.decode().encode("utf-16")), [422]),
    "latin-1": (request('{"query": "é", "candidates": ["a"]}'.encode("latin-1")), [422]),
    "an overlong byte sequence": (request(b'{"query": "\xc0\xaf", "candidates": ["a"]}'), [422]),
    "gzip": (request(gzip.compress(BODY), headers=b"Content-Encoding: gzip\r\n"), [415]),
    "gzip, not said": (request(gzip.compress(BODY)), [422]),
    "gzip as a transfer": (request(chunks(BODY, 9), headers=b"Transfer-Encoding: gzip\r\n", length=False), [501]),
    "not a number": (with_value(b"NaN"), [422]),
    "infinity": (with_value(b"-Infinity"), [422]),
    "infinity in digits": (with_value(b"1e400"), [422]),
    "four hundred digits": (with_value(b"9" * 400), [200]),
    "five thousand digits": (with_value(b"9" * 5_000), [422]),
    "nested a hundred thousand deep": (with_value(b"[" * 100_000 + b"]" * 100_000), [422]),
    "nested and never closed": (with_value(b"[" * 1_000_000), [422]),
    "nested beside a lone surrogate": (
        with_value(b'"\\ud800", "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        [422],
    ),
    "nested beside a lone surrogate, in fewer bytes": (
        with_value(b'"\\ud800", "x": ' + b'{"a":' * 24_000 + b"1" + b"}" * 24_000),
        [422],
    ),
    "nested deeper than can be written": (with_value(b"[" * 800 + b"]" * 800), [422]),
    "a key twice": (request(b'{"query": "q", "query": "r", "candidates": ["a"]}'), [200]),
    "more than one value": (request(BODY + BODY), [422]),
    "chunks of one byte": (request(chunks(BODY, 1), headers=CHUNKED, length=False), [200]),
    "chunks with extensions": (request(chunks(BODY, 9, b";a=b"), headers=CHUNKED, length=False), [200]),
    "chunks with a trailer": (request(chunks(BODY, 9, trailer=b"X-A: b\r\n"), headers=CHUNKED, length=False), [200]),
    "a chunk without end": (request(b"5\r\nab", headers=CHUNKED, length=False), [408]),
    "a chunk of any size": (request(b"FFFFFFFFFFFFFFFFFFFF\r\nab", headers=CHUNKED, length=False), [408]),
    "a chunk that is none": (request(b"zz\r\n" + SECRET + b"\r\n", headers=CHUNKED, length=False), [400]),
    "a negative length": (request(length=False, headers=b"Content-Length: -1\r\n"), [400]),
    "two lengths": (request(headers=b"Content-Length: 7\r\n"), [400]),
    "a length of many digits": (request(length=False, headers=b"Content-Length: " + b"9" * 5_000 + b"\r\n"), [400]),
    "a length too small": (
        request(BODY + SECRET + b"\r\n\r\n", length=False, closes=False, headers=b"Content-Length: 45\r\n"),
        [200, 400],
    ),
    "a length with a sign": (request(length=False, headers=b"Content-Length: +%d\r\n" % len(BODY)), [400]),
    "a length in other digits": (request(length=False, headers=b"Content-Length: 0x2c\r\n"), [400]),
    "a transfer not quite chunked": (
        request(chunks(BODY, 9), headers=b"Transfer-Encoding: xchunked\r\n", length=False),
        [501],
    ),
    "a transfer chunked twice": (
        request(chunks(BODY, 9), headers=b"Transfer-Encoding: chunked, chunked\r\n", length=False),
        [501],
    ),
    "two transfers": (
        request(chunks(BODY, 9), headers=CHUNKED + b"Transfer-Encoding: identity\r\n", length=False),
        [501],
    ),
    "a transfer behind a tab": (
        request(chunks(BODY, 9), headers=b"Transfer-Encoding\t: chunked\r\n", length=False),
        [400],
    ),
    "a chunk in other digits": (request(b"0x2\r\n{}\r\n0\r\n\r\n", headers=CHUNKED, length=False), [400]),
    "a chunk with a sign": (request(b"+2\r\n{}\r\n0\r\n\r\n", headers=CHUNKED, length=False), [400]),
    "HTTP/1.0": (request(version=b"HTTP/1.0"), [200]),
    "HTTP/1.0 that would go on": (
        request(version=b"HTTP/1.0", closes=False, headers=b"Connection: keep-alive\r\n"),
        [200],
    ),
    "HTTP/1.0 without a host": (b"GET /health HTTP/1.0\r\n\r\n", [200]),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", [400]),
    "two hosts": (get(headers=b"Host: y\r\n"), [400]),
    "HTTP/0.9": (b"GET /\r\n\r\n", [400]),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [404, 400]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99), [400]),
    "lines without a carriage return": (b"GET /health HTTP/1.1\nHost: x\nConnection: close\n\n", [200]),
    "a folded header": (get(headers=b"X-A: b\r\n c\r\n"), [200]),
    "a space before a colon": (get(headers=b"X-A : b\r\n"), [400]),
    "a zero byte in a header": (get(headers=b"X-A: \x00\r\n"), [400]),
    "three thousand headers": (get(headers=b"".join(b"X-%d: y\r\n" % number for number in range(3_000))), [200]),
    "a long path": (get(b"/" + b"a" * 30_000), [404]),
    "a path with a zero byte": (get(b"/rerank%00"), [404]),
    "a path with a broken escape": (get(b"/%zz"), [404]),
    "a path of other bytes": (get(b"/\xff\xfe"), [400]),
    "a path upwards": (get(b"/v1/../rerank"), [404]),
    "an escaped path": (request(path=b"/%72erank?a=%ff#b"), [200]),
    "a whole address": (request(path=b"http://x:80/v1//rerank/"), [200]),
    "a whole address without a path": (get(b"http://x"), [200]),
    "OPTIONS": (get(b"/rerank", method=b"OPTIONS"), [204]),
    "OPTIONS of everything": (get(b"*", method=b"OPTIONS"), [404]),
    "TRACE": (get(b"/rerank", method=b"TRACE"), [405]),
    "CONNECT": (get(b"x:443", method=b"CONNECT"), [404]),
    "a method of its own": (get(b"/rerank", method=b"post"), [405]),
    "HEAD of the page": (get(b"/", b"Accept: text/html\r\n", method=b"HEAD"), [200]),
    "HEAD of a ranking": (get(b"/rerank", method=b"HEAD"), [405]),
    "GET with a body": (request(path=b"/health", method=b"GET"), [200]),
    "two dialects": (request(headers=b"X-Rerank-Dialect: native\r\nX-Rerank-Dialect: nim\r\n"), [200]),
    "dialects in one header": (request(headers=b"X-Rerank-Dialect: native, nim\r\n"), [422]),
    "a dialect of other bytes": (request(headers=b"X-Rerank-Dialect: \xff\r\n"), [422]),
    "a dialect in a dialect": (request(path=b"/dialects/native/dialects/native/rerank"), [404]),
    "a dialect without a name": (request(path=b"/dialects//rerank"), [404]),
    "two deadlines": (request(headers=b"X-Request-Deadline-Ms: 9000\r\nX-Request-Deadline-Ms: soon\r\n"), [200]),
    "a deadline in other digits": (request(headers="X-Request-Deadline-Ms: ٩٠٠٠\r\n".encode()), [422]),
    "an id of other bytes": (request(headers=b"X-Request-Id: \xff\xfe\r\n"), [200]),
    "an id of two lines": (request(headers=b"X-Request-Id: a\rX-B: c\r\n"), [400]),
    "strange preferences": (get(b"/", b"Accept: text/html;q=1e400, */*;q=nan\r\n"), [200]),
    "a range": (get(b"/assets/page.css", b"Range: bytes=0-3\r\n"), [200]),
    "a range that cannot be": (get(b"/assets/page.css", b"Range: bytes=99999999-\r\n"), [200]),
    "a range of nothing": (get(b"/", b"Accept: text/html\r\nRange: bytes=abc\r\n"), [200]),
    "an expectation of its own": (request(headers=b"Expect: 200-perhaps\r\n"), [200]),
    "leave to send a body": (request(headers=b"Expect: 100-continue\r\n"), [100, 200]),
    "leave to send a body that nobody reads": (request(path=b"/nothing", headers=b"Expect: 100-continue\r\n"), [404]),
    "one after the other": (request(closes=False) + request(b"x", closes=False) + request(), [200, 422, 200]),
    "after an unknown path": (request(path=b"/nothing", closes=False) + request(), [404, 200]),
    "after another method": (request(path=b"/health", closes=False) + request(), [405, 200]),
    "after another content type": (request(kind=b"text/plain", closes=False) + request(), [415, 200]),
    "after an unknown dialect": (request(path=b"/dialects/no/rerank", closes=False) + request(), [404, 200]),
    "dialects in turn": (
        request(closes=False)
        + request(b'{"query": "q", "texts": [7]}', closes=False)
        + request(b'{"query": "q", "documents": ["a"]}', path=b"/v2/rerank", closes=False)
        + request(b'{"text_1": "q", "text_2": ["a"]}', path=b"/score"),
        [200, 422, 200, 200],
    ),
    "two lengths, and another request behind": (
        request(chunks(BODY, 9), headers=CHUNKED, closes=False) + get(),
        [200],
    ),
    "a request hidden in a body": (request(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", path=b"/nothing"), [404]),
    "garbage after a request": (request(closes=False) + b"\x00\x01" + SECRET + b"\r\n\r\n", [200, 400]),
}


@pytest.mark.parametrize(("sent", "expected"), CASES.values(), ids=CASES.keys())
def test_whatever_is_sent_is_answered_and_costs_nobody_else_anything(
    server: LiveServer, sent: bytes, expected: list[int]
) -> None:
    found, received = statuses(server, sent)
    assert found == expected, received[-500:]
    assert SECRET not in received
    assert server.is_well()


def test_a_body_that_is_not_utf_8_is_refused_with_the_remedy(server: LiveServer) -> None:
    _, received = statuses(server, request(b'{"query": "\xe9"}'))
    assert b"not valid UTF-8. Send it in UTF-8" in received


def test_a_body_that_is_nested_too_deeply_is_told_so(server: LiveServer) -> None:
    _, received = statuses(server, CASES["nested beside a lone surrogate, in fewer bytes"][0])
    assert b"it is nested too deeply" in received
