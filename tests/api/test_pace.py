"""The pace of large bodies."""

from __future__ import annotations

import pytest

from bge_reranker.api.pace import Pace


def test_whoever_comes_later_waits_for_what_others_took() -> None:
    pace = Pace(1_000)
    assert pace.wait_s(100, 5.0) == pytest.approx(0.1)
    assert pace.wait_s(100, 5.0) == pytest.approx(0.2)
    assert pace.wait_s(100, 5.1) == pytest.approx(0.2)


def test_time_in_which_nobody_came_is_not_made_up_for() -> None:
    pace = Pace(1_000)
    pace.wait_s(100, 5.0)
    assert pace.wait_s(100, 60.0) == pytest.approx(0.1)
