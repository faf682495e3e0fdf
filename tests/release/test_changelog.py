from __future__ import annotations

import datetime as dt

import click
import pytest

from release.changelog import cut, section

DAY = dt.date(2026, 12, 1)
TEXT = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-11-01\n\n- The first.\n"


def test_what_is_unreleased_becomes_a_version_s_and_there_is_room_for_more() -> None:
    text = cut(TEXT, "0.2.0", DAY)
    assert section(text, "0.2.0") == "### Added\n\n- A thing."
    assert section(text, "0.1.0") == "- The first."
    assert section(text, "Unreleased") == ""
    assert text.index("[Unreleased]") < text.index("[0.2.0] - 2026-12-01") < text.index("[0.1.0]")


@pytest.mark.parametrize(
    "text", ["# Changelog\n", "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-11-01\n\n- The first.\n"]
)
def test_a_changelog_with_nothing_unreleased_is_refused(text: str) -> None:
    with pytest.raises(click.ClickException, match="no lines under `## \\[Unreleased\\]`"):
        cut(text, "0.2.0", DAY)


def test_a_version_that_has_a_section_is_refused() -> None:
    with pytest.raises(click.ClickException, match=r"has a section of 0\.1\.0 already"):
        cut(TEXT, "0.1.0", DAY)
