from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs_site.links import anchors, dead_links, links, rewrite
from docs_site.staging import ROOT, markdown_pages

PAGE = """# One & two, `three`

See [there](other.md#a-heading), ![a picture](pictures/one.png), `[no](link.md)` and [out](https://example.com/x).

```sh
echo [none](either.md)
# no heading
```

## Again
## Again
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "other.md").write_text("# A heading\n")
    (tmp_path / "page.md").write_text(PAGE)
    return tmp_path / "page.md"


def test_links_are_found_outside_code_only(page: Path) -> None:
    assert [link.target for link in links(page)] == ["other.md#a-heading", "pictures/one.png", "https://example.com/x"]


def test_headings_have_the_anchors_that_github_gives_them(page: Path) -> None:
    assert anchors(page) == {"one--two-three", "again", "again-1"}


def test_targets_are_replaced_and_nothing_else(page: Path) -> None:
    assert rewrite(page, lambda link: link.target.upper()) == PAGE.replace(
        "other.md#a-heading", "OTHER.MD#A-HEADING"
    ).replace("pictures/one.png", "PICTURES/ONE.PNG").replace("https://example.com/x", "HTTPS://EXAMPLE.COM/X")


def test_a_link_that_leads_nowhere_is_named(page: Path) -> None:
    assert dead_links([page], page.parent) == ["page.md: pictures/one.png is no file"]
    page.write_text("[a](other.md#none) [b](../elsewhere.md) [c](#here)\n")
    assert dead_links([page], page.parent) == [
        "page.md: other.md#none is no heading",
        "page.md: ../elsewhere.md leaves the repository",
        "page.md: #here is no heading",
    ]


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    others = [ROOT / name for name in ("service/README.md", "requirements/README.md")]
    assert dead_links([*markdown_pages(), *others], ROOT) == []


_PATH = re.compile(r"`((?:\.ci|charts|docs|operator|service|tests|tools|requirements|manifests)/[\w./-]+)`")


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/cluster.md", "docs/clients.md", "CONTRIBUTING.md"])
def test_paths_that_a_page_names_exist(page: str) -> None:
    named = _PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
