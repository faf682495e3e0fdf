"""docs/security.md names tests: each is there, in the file that the same cell links to."""

from __future__ import annotations

import re

import pytest

from docs_site.staging import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_NAMED = re.compile(r"\[[\w./]+\]\(\.\./(tests/[\w/]+\.py)\)|`(test_\w+)`")


def named() -> list[tuple[str, str]]:
    """Every test with its file: a name belongs to the link before it."""
    found, file = [], ""
    for link, name in _NAMED.findall(PAGE):
        file = link or file
        if name:
            found.append((file, name))
    return found


def test_the_page_names_tests() -> None:
    assert len(named()) > 25


@pytest.mark.parametrize(("file", "name"), sorted(set(named())))
def test_a_test_that_the_page_names_is_there(file: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
