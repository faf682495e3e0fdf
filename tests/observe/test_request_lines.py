from __future__ import annotations

from bge_reranker.observe.request_lines import RequestLines


def test_all_lines_pass_until_there_are_too_many_in_a_second_and_the_next_one_tells_how_many_are_missing() -> None:
    skipped: list[int] = []
    lines = RequestLines(2, lambda: skipped.append(1))
    assert [lines.admit(0.1 * tenth, has_failed=False) for tenth in range(5)] == [0, 0, None, None, None]
    assert lines.admit(1.05, has_failed=False) == 3
    assert lines.admit(1.06, has_failed=False) == 0
    assert len(skipped) == 3


def test_a_flood_hides_no_failure() -> None:
    lines = RequestLines(1, lambda: None)
    assert [lines.admit(0.0, has_failed=failed) for failed in (False, False, True, True)] == [0, None, 0, None]


def test_a_clock_that_goes_back_silences_nothing() -> None:
    lines = RequestLines(1, lambda: None)
    assert lines.admit(1_000.0, has_failed=False) == 0
    assert lines.admit(1.0, has_failed=False) == 0
