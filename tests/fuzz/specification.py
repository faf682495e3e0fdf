"""Requests made from the server's own OpenAPI document, right and wrong ones, each answer held against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

_DEADLINE_PASSED = 504

PATIENCE_S = 600.0
"""Seconds to wait for an answer: the machine may be busy with other things, or suspend a long run for minutes, but a
server that hangs is found out all the same."""


def no_failure(context: Any, response: Any, case: Any) -> bool | None:
    """No status of 500 and above, but for the deadlines of a millisecond that are made among others."""
    has_deadline = "X-Request-Deadline-Ms" in (case.headers or {})
    if response.status_code == _DEADLINE_PASSED and has_deadline:
        return None
    return not_a_server_error(context, response, case)


CHECKS: list[Any] = [
    no_failure,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
]
"""Not the acceptance of valid data: a schema can say neither how fields bound each other, nor the model's window."""


@dataclass(frozen=True)
class Operation:
    """One method of one path of a running server."""

    label: str
    operation: Any
    base_url: str

    headers: Mapping[str, str]
    """Sent with every request."""

    def check(self, cases: int, first_seed: int) -> None:
        """Send requests and fail on the first answer that is not as documented.

        Args:
            cases: Requests to send, half of them right and half wrong where that can be.
            first_seed: The same seed makes the same requests.
        """
        modes = [GenerationMode.POSITIVE]
        if self.operation.body:
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            self._check(mode, max(1, cases // len(modes)), first_seed)

    def _check(self, mode: GenerationMode, cases: int, first_seed: int) -> None:
        @seed(first_seed)
        @settings(
            max_examples=cases,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=self.operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            case.call_and_validate(
                base_url=self.base_url, checks=CHECKS, timeout=PATIENCE_S, headers=dict(self.headers)
            )

        check()


def operations(base_url: str, key: str | None = None) -> Iterator[Operation]:
    """Every operation that a running server documents.

    Args:
        base_url: Its address.
        key: A key of its, if it wants one; it is also left out and garbled, to see whether anybody minds.
    """
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    schema = schemathesis.openapi.from_url(f"{base_url}/openapi.json")
    for result in schema.get_all_operations():
        if not isinstance(result, Ok):
            raise TypeError("the OpenAPI document has an operation that cannot be read")
        operation = result.ok()
        yield Operation(operation.label, operation, base_url, headers)
