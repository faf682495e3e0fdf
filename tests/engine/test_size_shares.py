"""Which sizes go short."""

from __future__ import annotations

from bge_reranker.engine.size_shares import SizeShares


def test_no_size_goes_short_when_all_are_refused_alike() -> None:
    shares = SizeShares()
    for number in range(1_000):
        for tokens in (10, 1_000, 100_000):
            shares.note(tokens, is_admitted=number % 10 == 0)
    assert shares.largest_short_tokens(1e9) == 0


def test_the_largest_size_that_goes_short_is_told_within_a_limit() -> None:
    shares = SizeShares()
    for _ in range(100):
        shares.note(10, is_admitted=True)
        shares.note(1_000, is_admitted=False)
        shares.note(100_000, is_admitted=False)
    assert 65_536 < shares.largest_short_tokens(1e9) < 131_072
    assert 512 <= shares.largest_short_tokens(50_000) < 1_024
    assert shares.largest_short_tokens(100) == 0


def test_a_size_no_longer_goes_short_once_it_has_got_its_places() -> None:
    shares = SizeShares()
    for _ in range(100):
        shares.note(10, is_admitted=True)
        shares.note(1_000, is_admitted=False)
    for _ in range(20):
        shares.note(1_000, is_admitted=True)
    assert shares.largest_short_tokens(1e9) == 0
