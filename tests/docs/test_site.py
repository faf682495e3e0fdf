"""The site as it is built: nothing dead in it, nothing from elsewhere, and a search that finds both languages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from docs_site.building import build_site
from docs_site.inspection import complaints
from docs_site.staging import ROOT
from tests import needs
from tests.in_ci import lacking
from tests.page.browser import CHROMIUM, PATIENCE_MS, Watch, chromium

PAGE = '<p id="here"><a href="{link}">x</a></p><img src="{picture}"><link rel="canonical" href="https://e.example/">'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("docs"))


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        @override
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_every_link_of_the_site_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    assert complaints(site) == []


def test_every_page_of_the_documentation_is_in_the_site(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    pages = {page.with_name("index.html") if page.name == "README.html" else page for page in pages}
    assert [str(page) for page in sorted(pages) if not (site / page).exists()] == []
    assert {"index.html", "chart.html", "contributing.html", "security.html"} <= {page.name for page in site.iterdir()}


@pytest.mark.parametrize(("words", "found"), [("Retry-After", "Errors"), ("集群", "快速开始")])
def test_search_finds_without_a_network(address: str, words: str, found: str) -> None:
    if not CHROMIUM.exists():
        lacking(needs.CHROMIUM.lack)
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        watch = Watch.over(page)
        page.goto(f"http://{address}/index.html")
        page.get_by_role("button", name="Search").click()
        page.keyboard.type(words)
        page.get_by_role("option").filter(has_text=found).first.wait_for()
        assert watch.hosts() == {address}
        assert watch.complaints == []


@pytest.mark.parametrize(
    ("link", "picture", "said"),
    [
        ("#here", "p.png", []),
        ("/page.html#here", "p.png", []),
        ("#there", "p.png", ["page.html: links to #there, which has no such heading"]),
        ("other.html", "p.png", ["page.html: links to other.html, which is not there"]),
        ("https://e.example/", "//cdn.example/p.png", ["page.html: loads //cdn.example/p.png"]),
        ("#here", "q.png", ["page.html: loads q.png, which is not there"]),
    ],
)
def test_what_is_wrong_with_a_page_is_said(tmp_path: Path, link: str, picture: str, said: list[str]) -> None:
    (tmp_path / "page.html").write_text(PAGE.format(link=link, picture=picture))
    (tmp_path / "p.png").touch()
    assert complaints(tmp_path) == said


def test_a_font_from_elsewhere_in_a_style_sheet_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text(
        "@font-face { src: url('https://fonts.example/a.woff2') } .b { background: url(b.png) }"
    )
    assert complaints(tmp_path) == ["a.css: loads https://fonts.example/a.woff2"]
