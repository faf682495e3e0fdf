"""Requests that are made to cost others something: bodies, paths and documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from tests.attacks.attack import Attack
from tests.live.scripted_scorer import PANIC, SECRET
from tests.live.server import LiveServer, live_server

_JSON = {"Content-Type": "application/json"}
_ACTED_ON = "\x1b\x9b\u202e\r"
"""What a terminal acts on, in a path of the table."""


def _answer(send: Callable[[LiveServer], httpx.Response]) -> Callable[[Path], str]:
    """Send to a server of its own; return status, code, and whether others are served as always and nothing leaked."""

    def launch(folder: Path) -> str:
        with live_server(folder, {"log_format": "console", "log_level": "info"}) as server:
            answer = send(server)
            body = answer.json()
            said = f"{answer.status_code} {body.get('code', '')}".strip()
            failed = ", ".join(f"{error['index']}={error['code']}" for error in body.get("errors", []))
            log = server.log.getvalue()
            leaks = SECRET in log + str(body.get("message")) or any(mark in log for mark in _ACTED_ON)
            faults = ("" if server.is_well() else "not well", "leaks" if leaks else "")
            return "; ".join(part for part in (said, failed, *faults) if part)

    return launch


def _of(start: bytes, unit: bytes, count: int, end: bytes) -> Callable[[Path], str]:
    return _answer(lambda server: server.post(None, content=start + unit * count + end, headers=_JSON))


def _ranked(*candidates: str) -> Callable[[Path], str]:
    return _answer(lambda server: server.post({"query": "q", "candidates": candidates}))


def _fields(names: list[str], documents: int) -> Callable[[Path], str]:
    """Documents of a field each, with one of a hundred kilobytes, and the names of the fields that are to be read."""
    document = {"f": "good " * (20_000 // documents + 1)}
    return _answer(
        lambda server: server.post({"query": "q", "rank_fields": names, "documents": [document] * documents})
    )


_NAMES = ["f", *(f"f{index}" for index in range(350_000))]
_CANDIDATES = b'{"query": "q", "candidates": ['
_BESIDE = b'{"query": "q", "candidates": ["good"], "x": ['

ROWS: tuple[Attack, ...] = (
    Attack(
        "body", "two million texts of a character", _of(_CANDIDATES, b'"a",', 2_000_000, b'"b"]}'), "422 InvalidBody"
    ),
    Attack("body", "five million numbers nobody reads", _of(_BESIDE, b"7,", 5_000_000, b"0]}"), "422 InvalidBody"),
    Attack("body", "two million empty objects", _of(_BESIDE, b"{},", 2_000_000, b"0]}"), "422 InvalidBody"),
    Attack("body", "lists in lists, closed nowhere", _of(_BESIDE, b"[[[[", 1_000_000, b""), "422 InvalidBody"),
    Attack("body", "as many values as are allowed", _of(_BESIDE, b"7,", 399_000, b"0]}"), "200"),
    Attack(
        "body",
        "brackets and commas in a text of 10 MB",
        _of(b'{"query": "q", "candidates": ["good ', b"[{,:", 2_500_000, b'"]}'),
        "200",
    ),
    Attack("body", "backslashes to the end of a text", _of(_CANDIDATES + b'"', b"\\\\", 2_000_000, b'"]}'), "200"),
    Attack("body", "backslashes and no end", _of(_CANDIDATES + b'"', b"\\", 4_000_001, b""), "422 InvalidBody"),
    Attack("body", "a field to read, named as often as one list may", _fields(["f"] * 49_000, 1), "200"),
    Attack("body", "as many fields to read, of many documents", _fields(_NAMES[:49_000], 10_000), "200"),
    Attack("body", "a field to read, named far more often", _fields(["f"] * 390_000, 1), "422 TooManyDocuments"),
    Attack("body", "far more fields to read, of many documents", _fields(_NAMES, 10_000), "422 TooManyDocuments"),
    Attack("document", "one that the scorer fails on", _ranked("good", "boom", "bad"), "200; 1=BatchFailed"),
    Attack(
        "document",
        "many that the scorer fails on, among others",
        _ranked(*(("good", "boom", f"bad {SECRET}", "boom bad") * 16)),
        "200; " + ", ".join(f"{index}=BatchFailed" for index in range(1, 64, 2)),
    ),
    Attack(
        "document",
        "one on which the tokenizer panics",
        _ranked("good", f"{SECRET} {PANIC}", "bad"),
        "200; 1=TokenizerFailed",
    ),
    Attack("document", "only one, on which the tokenizer panics", _ranked(f"{SECRET} {PANIC}"), "500 TokenizerFailed"),
    Attack(
        "document",
        "a query on which the tokenizer panics",
        _answer(lambda server: server.post({"query": f"{SECRET} {PANIC}", "candidates": ["a"]})),
        "500 InternalError",
    ),
    Attack(
        "path",
        "escapes for a terminal, lines and reversed writing",
        _answer(lambda server: httpx.post(server.url + "/%1b%5B2J%c2%9b31m%e2%80%ae%0d%0ax?y=%1b", content=b"{}")),
        "404 RouteNotFound",
    ),
)
