"""Types of options that are numbers, which read them as settings and headers are read."""

from __future__ import annotations

from typing import Any

import click
from click.types import FloatParamType, IntParamType
from typing_extensions import override

from ..plain_numbers import plain_number


class WholeNumber(IntParamType):
    """A whole number in ASCII digits."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; what click would read otherwise is refused in its own words."""
        _require_plain(self, value, param, ctx)
        return super().convert(value, param, ctx)


class Number(FloatParamType):
    """A number in ASCII digits."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; what click would read otherwise is refused in its own words."""
        _require_plain(self, value, param, ctx)
        return super().convert(value, param, ctx)


class NumberRange(click.FloatRange):
    """A number in ASCII digits, between two bounds."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; what click would read otherwise is refused in its own words."""
        _require_plain(self, value, param, ctx)
        return super().convert(value, param, ctx)


class WholeNumberRange(click.IntRange):
    """A whole number in ASCII digits, between two bounds."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; what click would read otherwise is refused in its own words."""
        _require_plain(self, value, param, ctx)
        return super().convert(value, param, ctx)


def _require_plain(
    kind: click.ParamType[Any, Any], value: Any, param: click.Parameter | None, ctx: click.Context | None
) -> None:
    if isinstance(value, str) and plain_number(value) is None:
        kind.fail(f"{value!r} is not a valid {kind.name.removesuffix(' range')}.", param, ctx)
