"""Headless Chromium, and what a test watches in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
"""Where Debian installs it; no browser is downloaded."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PATIENCE_MS = 90_000.0
"""Longest wait for something to be seen: a browser on a busy machine is slow, and at fault only if it never comes."""

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser until the block ends."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - collecting the tests must not need it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watch:
    """What a page did besides what is seen: what it asked for, what it complained about."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def over(cls, page: Page) -> Watch:
        watch = cls()
        page.on("request", watch._on_request)
        page.on("console", watch._on_console)
        page.on("pageerror", lambda error: watch.complaints.append(str(error)))
        return watch

    def _on_request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def hosts(self) -> set[str]:
        """Hosts that were asked; pictures that lie in a style sheet have none."""
        return {urlsplit(url).netloc for url in self.requests if not url.startswith("data:")}
