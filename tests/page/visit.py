"""One visit to the page of a server: the steps that tests share, found by role and name as people find them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.live.server import LiveServer

from .browser import PATIENCE_MS, Watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page


@dataclass
class Visit:
    """A page in a fresh browser context."""

    page: Page
    watch: Watch
    server: LiveServer

    @classmethod
    @contextmanager
    def to(cls, browser: Browser, server: LiveServer, **options: Any) -> Iterator[Visit]:
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        try:
            yield cls(page, Watch.over(page), server)
        finally:
            context.close()

    def open(self, path: str = "/") -> None:
        self.page.goto(self.server.url + path)

    def write(self, query: str, *candidates: str) -> None:
        self.page.get_by_label("Query").fill(query)
        self.page.get_by_label("Candidates").fill("\n".join(candidates))

    def rank(self, query: str, *candidates: str) -> None:
        """Writes them and has them ranked, until the page shows what came of it."""
        self.write(query, *candidates)
        self.press_rank()

    def press_rank(self) -> None:
        """Has what is written ranked, until the page shows what came of it: a ranking, a problem or what is missing."""
        self.page.get_by_role("button", name="Rank").click()
        self.page.locator("#rank:not([aria-busy=true])").wait_for()

    @property
    def status(self) -> Locator:
        return self.page.locator("#status")

    @property
    def problem(self) -> Locator:
        return self.page.get_by_role("alert")

    def panel(self, title: str = "Ranking") -> Locator:
        return self.page.get_by_role("region", name=title, exact=True)

    def texts(self, title: str = "Ranking") -> list[str]:
        """Ranked texts of a panel, best first."""
        self.panel(title).wait_for()
        return self.panel(title).locator(".text").all_inner_texts()

    def scores(self, title: str = "Ranking") -> list[str]:
        self.panel(title).wait_for()
        return self.panel(title).locator(".score").all_inner_texts()
