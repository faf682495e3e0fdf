"""What of a report of `bge-reranker loadtest` a plan needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import SettingsError

_Rate = Annotated[float, Field(ge=0, le=1e12)]
_Count = Annotated[int, Field(ge=0, le=10**9)]


class _Load(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)
    rate: Annotated[float, Field(gt=0, le=1e6)] | None = None
    clients: Annotated[int, Field(ge=1, le=100_000)] | None = None


class LoadStep(BaseModel):
    """One step."""

    model_config = ConfigDict(allow_inf_nan=False)
    step: _Load
    load: str
    requests: _Count
    answered: _Count
    sent_per_second: _Rate
    answered_per_second: _Rate
    tokens_per_second: _Rate
    p50_ms: Annotated[float, Field(ge=0)] | None
    p95_ms: Annotated[float, Field(ge=0)] | None


class _Size(BaseModel):
    documents: Annotated[int, Field(ge=1, le=10**7)]
    tokens: Annotated[int, Field(ge=1, le=10**9)]


class _Report(BaseModel):
    steps: Annotated[list[LoadStep], Field(min_length=1)]
    sizes: Annotated[list[_Size], Field(min_length=1)]
    server: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class LoadReport:
    """A report.

    Attributes:
        steps: With answers.
        sizes: Tokens of each pair of the requests that were sent.
        server: What the server said of itself.
    """

    steps: tuple[LoadStep, ...]
    sizes: tuple[tuple[int, ...], ...]
    server: dict[str, Any]

    @classmethod
    def parse(cls, values: dict[str, Any], place: str) -> LoadReport:
        """Read one.

        Args:
            values: JSON.
            place: Where it is from, for the error.

        Raises:
            SettingsError: If it is none, or does not tell tokens.
        """
        remedy = "Measure again with `bge-reranker loadtest --json FILE`, in the native dialect, which tells tokens."
        try:
            report = _Report.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise SettingsError(f"{place} is no report to plan with: {field}: {first['msg']}.", remedy=remedy) from None
        steps = tuple(step for step in report.steps if step.answered and step.tokens_per_second and step.p50_ms)
        if not steps:
            raise SettingsError(f"{place} has no step with answers and tokens.", remedy=remedy)
        return cls(steps, tuple(_lengths(size) for size in report.sizes), report.server)


def _lengths(size: _Size) -> tuple[int, ...]:
    """Pairs of equal lengths that have the tokens together."""
    least, longer = divmod(size.tokens, size.documents)
    return tuple(max(1, least + (place < longer)) for place in range(size.documents))
