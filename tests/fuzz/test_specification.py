"""A short run of requests made from the OpenAPI document; `make fuzz` makes the long one."""

from __future__ import annotations

from tests.live.server import LiveServer

from .specification import operations


def test_every_answer_is_as_documented(server: LiveServer) -> None:
    failures = []
    for operation in operations(server.url):
        try:
            operation.check(cases=6, first_seed=0)
        except AssertionError as error:
            failures.append(f"{operation.label}: {error}")
        except BaseExceptionGroup as error:
            failures.append(f"{operation.label}: {error.exceptions}")
    assert failures == []
    assert server.is_well()
