"""Ten of the hundred kills that `make e2e-long NAME=store-kills` makes."""

from __future__ import annotations

from pathlib import Path

from .kill_rounds import kill_rounds


def test_a_fetch_killed_at_random_is_never_half_done_and_the_next_one_finishes(tmp_path: Path) -> None:
    figures = kill_rounds(tmp_path, kills=10, seed=7, longest_s=0.8)
    assert figures["kills"] == 10
