"""The page under other addresses: below a dialect's prefix, and below a path that a proxy gives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.live.server import LiveServer

from .proxy import proxied
from .test_command import run
from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(params=["", "/search/rank"], ids=["direct", "proxied"])
def top(request: pytest.FixtureRequest, server: LiveServer) -> Iterator[str]:
    """The address that people know the server by."""
    if not request.param:
        yield server.url + "/"
        return
    with proxied(server.url, request.param) as address:
        yield address


@pytest.mark.parametrize("path", ["", "dialects/tei", "dialects/cohere/"])
def test_the_page_ranks_wherever_it_is_found(browser: Browser, server: LiveServer, top: str, path: str) -> None:
    with Visit.to(browser, server) as visit:
        visit.page.goto(top + path)
        assert visit.page.url == top
        visit.rank("q", "bad", "good")
        assert visit.texts() == ["good", "bad"]
        expect(visit.page.locator("#facts")).to_contain_text("scripted")
        assert run(visit.page.locator("#command").inner_text()).body["ranked_candidates"] == ["good", "bad"]
        assert visit.watch.complaints == []


def test_the_reference_works_wherever_it_is_found(browser: Browser, server: LiveServer, top: str) -> None:
    with Visit.to(browser, server) as visit:
        visit.page.goto(top + "dialects/tei/docs")
        assert visit.page.url == top + "docs"
        visit.page.get_by_text("Rank documents for a query").first.click()
        visit.page.get_by_role("button", name="Execute").first.click()
        expect(visit.page.get_by_text("ranked_candidates").first).to_be_visible()
        expect(visit.page.locator(".request-url").first).to_contain_text(f"Request URL{top}")
        assert visit.watch.complaints == []
