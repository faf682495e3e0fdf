"""What pods answer to the operator's question under `/info`: whoever runs one may answer as they like."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp

from reranker_operator import pod_info
from tests.attacks.attack import Attack

PLENTY_BYTES = 8 * 1024 * 1024
"""More than sockets hold, so that whoever reads without a bound is seen to do so."""

SILENCE = bytes(1)
"""In place of bytes: nothing, until the other side hangs up."""

MODEL = {"name": "org/large", "source": "hf://org/large", "revision": "abc", "digest": "d" * 64}
TRUE = {
    "model": MODEL,
    "scorer": {"precision": "float32", "device": "cpu"},
    "capacity": {"pairs_per_second": 10.5, "pair_tokens": 128},
}


def answered(body: bytes | str, *headers: str, status: str = "200 OK") -> Iterator[bytes]:
    """One answer."""
    raw = body.encode() if isinstance(body, str) else body
    length = [f"Content-Length: {len(raw)}"]
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, *length, "", ""]
    yield "\r\n".join(head).encode() + raw


Question = Callable[[aiohttp.ClientSession, int], Awaitable[str]]


async def about_itself(http: aiohttp.ClientSession, port: int) -> str:
    """What is believed of the pod at this port under `/info`."""
    facts = await pod_info.ask(http, "127.0.0.1", port)
    return "nothing" if facts is None else f"{facts.name} at {facts.pairs_per_second:g}"


async def about_its_download(http: aiohttp.ClientSession, port: int) -> str:
    """What is believed of how much of its model the pod at this port has."""
    download = await pod_info.download(http, "127.0.0.1", port)
    return "nothing" if download is None else f"{download.done_bytes} bytes"


def believed(answer: Callable[[str], Iterator[bytes]], question: Question = about_itself) -> str:
    """What the operator takes over of an answer, whether it asked anybody else, and whether it read without an end.

    Args:
        answer: Gives the bytes of a pod's answer, knowing the address of somebody else.
        question: What is asked.
    """
    return asyncio.run(_believed(answer, question))


async def _believed(answer: Callable[[str], Iterator[bytes]], question: Question) -> str:
    sent, strangers, ends = 0, 0, []

    async def pod(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        ends.append(over := asyncio.Event())
        try:
            await reader.readuntil(b"\r\n\r\n")
            for some in answer(f"127.0.0.1:{_port(stranger_server)}"):
                if some is SILENCE:
                    await reader.read()
                writer.write(some)
                await writer.drain()
                sent += len(some)
        except ConnectionError:
            # The operator has hung up.
            pass
        finally:
            writer.close()
            over.set()

    async def stranger(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal strangers
        strangers += 1
        writer.writelines(answered(json.dumps(TRUE)))
        writer.close()

    pod_server = await asyncio.start_server(pod, "127.0.0.1")
    stranger_server = await asyncio.start_server(stranger, "127.0.0.1")
    async with pod_server, stranger_server:
        async with pod_info.session(limit_s=0.3) as http:
            said = await question(http, _port(pod_server))
        for over in ends:
            await over.wait()
    return said + ("; followed" if strangers else "") + ("; read without an end" if sent >= PLENTY_BYTES else "")


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def _info(**parts: object) -> str:
    return json.dumps({**TRUE, **parts})


def _endless(some: bytes, *before: bytes) -> Iterator[bytes]:
    yield from before
    for _ in range(PLENTY_BYTES // len(some)):
        yield some


def _endless_chunks() -> Iterator[bytes]:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    return _endless(chunk, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")


def _silent_in_the_middle() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"
    yield SILENCE


def _moved(status: str) -> Callable[[str], Iterator[bytes]]:
    return lambda address: answered("", f"Location: http://{address}/secrets", status=status)


ANSWERS: dict[str, tuple[Callable[[str], Iterator[bytes]], str]] = {
    "a scorer's": (lambda _: answered(_info()), "org/large at 10.5"),
    "a redirect to another address": (_moved("302 Found"), "nothing"),
    "a permanent redirect to another address": (_moved("308 Permanent Redirect"), "nothing"),
    "a refresh header": (lambda at: answered(_info(), f"Refresh: 0;url=http://{at}/"), "org/large at 10.5"),
    "chunks without an end": (lambda _: _endless_chunks(), "nothing"),
    "white space without an end": (
        lambda _: _endless(b" " * 65536, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"),
        "nothing",
    ),
    "header fields without an end": (
        lambda _: _endless(b"X: " + b"a" * 4096 + b"\r\n", b"HTTP/1.1 200 OK\r\n"),
        "nothing",
    ),
    "one header field without an end": (lambda _: _endless(b"a" * 65536, b"HTTP/1.1 200 OK\r\nX: "), "nothing"),
    "interim answers without an end": (lambda _: _endless(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 999), "nothing"),
    "silence in the middle": (lambda _: _silent_in_the_middle(), "nothing"),
    "a length that it does not keep": (lambda _: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"]), "nothing"),
    "16 MiB of white space in gzip": (
        lambda _: answered(gzip.compress(b" " * 2**24, 1), "Content-Encoding: gzip"),
        "nothing",
    ),
    "JSON in gzip": (lambda _: answered(gzip.compress(_info().encode()), "Content-Encoding: gzip"), "nothing"),
    "no HTTP": (lambda _: iter([b"SSH-2.0-OpenSSH_9.6\r\n"]), "nothing"),
    "an error": (lambda _: answered(_info(), status="500 Internal Server Error"), "nothing"),
    "no JSON": (lambda _: answered("<html>"), "nothing"),
    "no UTF-8": (lambda _: answered(b'{"model": {"name": "\xff"}}'), "nothing"),
    "a list": (lambda _: answered("[]"), "nothing"),
    "lists in lists": (lambda _: answered("[" * 60_000), "nothing"),
    "a model that is a list": (lambda _: answered(_info(model=[])), "nothing"),
    "no model yet": (lambda _: answered(_info(model=None)), "nothing"),
    "a capacity that is no number": (lambda _: answered(_info(capacity={"pairs_per_second": float("nan")})), "nothing"),
    "a capacity without an end": (lambda _: answered(_info(capacity={"pairs_per_second": float("inf")})), "nothing"),
    "a capacity of 1e300": (lambda _: answered(_info(capacity={"pairs_per_second": 1e300})), "nothing"),
    "a capacity below 0": (lambda _: answered(_info(capacity={"pairs_per_second": -1})), "nothing"),
    "a capacity in words": (lambda _: answered(_info(capacity={"pairs_per_second": "9"})), "nothing"),
    "a length of 400 digits": (
        lambda _: answered('{"model": {}, "capacity": {"pair_tokens": %s}}' % ("9" * 400)),
        "nothing",
    ),
    "a name of 2,000 characters": (lambda _: answered(_info(model={**MODEL, "name": "n" * 2000})), "nothing"),
    "a name with terminal escapes": (lambda _: answered(_info(model={**MODEL, "name": "\x1b[2J"})), "nothing"),
    "a name that runs backwards": (lambda _: answered(_info(model={**MODEL, "name": "\u202eabc"})), "nothing"),
    "a digest of words": (lambda _: answered(_info(model={**MODEL, "digest": "d" * 63 + " "})), "nothing"),
    "a precision that is an object": (lambda _: answered(_info(scorer={"precision": {}})), "nothing"),
}
"""By what the pod answers: the answer, and what is believed of it."""


def _fetched(done: str, total: str = "null") -> Callable[[str], Iterator[bytes]]:
    return lambda _: answered(f'{{"fetch": {{"bytes_done": {done}, "bytes_total": {total}}}}}')


DOWNLOADS: dict[str, tuple[Callable[[str], Iterator[bytes]], str]] = {
    "an init step's": (_fetched("2200000000"), "2200000000 bytes"),
    "a redirect to another address": (_moved("302 Found"), "nothing"),
    "chunks without an end": (lambda _: _endless_chunks(), "nothing"),
    "a scorer's": (lambda _: answered(_info()), "nothing"),
    "infinity": (_fetched("1e999"), "nothing"),
    "no number": (_fetched("NaN"), "nothing"),
    "a number in words": (_fetched('"1"'), "nothing"),
    "less than nothing": (_fetched("-1"), "nothing"),
    "less than nothing in all": (_fetched("1", "-1"), "nothing"),
    "more than there is on earth": (_fetched("9" * 30), "1000000000000000 bytes"),
    "9,000 digits": (_fetched("9" * 9000), "nothing"),
    "no text": (lambda _: answered(b'{"fetch": {"bytes_done": \xff}}'), "nothing"),
}
"""By what a pod says of its download: the answer, and what is believed of it."""


def _launched(answer: Callable[[str], Iterator[bytes]], question: Question = about_itself) -> Callable[[Path], str]:
    return lambda _: believed(answer, question)


ROWS = (
    *(Attack("pod's answer", name, _launched(answer), outcome) for name, (answer, outcome) in ANSWERS.items()),
    *(
        Attack("pod's download", name, _launched(answer, about_its_download), outcome)
        for name, (answer, outcome) in DOWNLOADS.items()
    ),
)
