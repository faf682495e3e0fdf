"""A short run of requests made from the OpenAPI document; `make fuzz` makes the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import FLAGS
from tests.live.server import LiveServer, live_server

from .specification import operations

pytestmark = pytest.mark.slow

KEY = "a-key-of-the-fuzz"


def test_every_answer_is_as_documented(server: LiveServer) -> None:
    check_all(server)


def test_every_answer_is_as_documented_where_a_key_is_wanted(tmp_path: Path) -> None:
    with live_server(tmp_path, FLAGS | {"api_keys": KEY}) as server:
        check_all(server, KEY)


def check_all(server: LiveServer, key: str | None = None) -> None:
    failures = []
    for operation in operations(server.url, key):
        try:
            operation.check(cases=6, first_seed=0)
        except AssertionError as error:
            failures.append(f"{operation.label}: {error}")
        except BaseExceptionGroup as error:
            failures.append(f"{operation.label}: {error.exceptions}")
    assert failures == []
    assert server.is_well(key)
