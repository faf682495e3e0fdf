from __future__ import annotations

import math

import pytest

from bge_reranker.plain_numbers import finite_number, plain_number, plain_whole_number

STRANGE = ["", "1_000", "+5", " 5", "5 ", "\uff15", "\u0663", "0x10", "inf", "nan", "5.", ".5", "1e", "--5", "5\n"]


@pytest.mark.parametrize("text", STRANGE)
def test_what_is_no_number_in_ascii_digits_is_none(text: str) -> None:
    assert plain_number(text) is None
    assert plain_whole_number(text) is None


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("-5", -5), ("1.50", 1.5), ("1e3", 1000), ("9" * 400, math.inf)]
)
def test_a_number_is_read(text: str, number: float) -> None:
    assert plain_number(text) == number


@pytest.mark.parametrize("value", [True, None, "1", [1], math.nan, math.inf, 10**400, -(10**400)])
def test_what_is_no_finite_number_of_a_float_is_none(value: object) -> None:
    assert finite_number(value) is None
    assert (finite_number(-3), finite_number(2.5)) == (-3, 2.5)


@pytest.mark.parametrize(("text", "number"), [("007", 7), ("-1", -1), ("9" * 18, 10**18 - 1), ("9" * 19, None)])
def test_a_whole_number_is_read_up_to_18_digits(text: str, number: int | None) -> None:
    assert plain_whole_number(text) == number
