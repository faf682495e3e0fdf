"""`python -m tests.page.screenshots`: pictures of the page for docs/screenshots, taken of the embedded model."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Event, Thread
from typing import TYPE_CHECKING

import httpx

from tests.live.server import WAIT_S

from .browser import DESKTOP, PHONE, chromium

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
SERVE = "from bge_reranker.cli.main import main; main()"

SMALL_QUEUE = ("--max-queue-tokens", "20000", "--max-batch-ms", "50")
"""A queue that one large request fills for seconds."""

LARGE_REQUEST = json.dumps({"query": "q", "candidates": [f"{number} " + "word " * 200 for number in range(200)]})
"""That request: about 40,000 tokens."""


@contextmanager
def demo_server(*flags: str) -> Iterator[str]:
    """Serve the embedded model in a process of its own; gives its address."""
    command = [sys.executable, "-c", SERVE, "serve", "--port", "0", "--management-port", "0", "--threads", "1", *flags]
    with Popen(command, stdout=PIPE, stderr=DEVNULL, text=True) as process:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if line.startswith("Ready: "))
        try:
            yield ready.split()[-1]
        finally:
            process.kill()


@contextmanager
def kept_busy(address: str) -> Iterator[None]:
    """Ask for one large ranking after the other, so that a small queue is full."""
    stop = Event()

    def ask() -> None:
        with httpx.Client(timeout=WAIT_S) as client:
            while not stop.is_set():
                client.post(f"{address}/rerank", content=LARGE_REQUEST)

    asking = [Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in asking:
            thread.join()


@contextmanager
def photographed(context: BrowserContext, address: str, name: str) -> Iterator[Page]:
    """The page, opened; what is seen at the end of the block is kept."""
    context.set_default_timeout(WAIT_S * 1000)
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    yield page
    page.mouse.click(0, 0)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
    context.close()


def rank(page: Page) -> None:
    page.get_by_role("button", name="Rank").click()
    page.locator(".panel, .problem:not([hidden])").first.wait_for()
    page.locator("#rank[aria-busy=false]").wait_for()


def rank_in_chinese(page: Page) -> None:
    page.get_by_role("button", name="中文示例").click()
    rank(page)


def rank_with_two_presets(page: Page) -> None:
    page.get_by_label("Preset").select_option("crossencoder")
    page.get_by_label("Beside it").select_option("flagreranker")
    page.get_by_text("Long texts").click()
    # No room for a whole pair: the two presets cut in different places.
    page.get_by_label("Longest pair, in tokens").fill("18")
    rank(page)


def be_refused(page: Page) -> None:
    """Rank until the queue happens to be full."""
    rank(page)
    while page.locator("#problem").is_hidden():
        rank(page)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        still = partial(browser.new_context, reduced_motion="reduce", viewport=DESKTOP)
        phone = partial(still, viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
        with demo_server() as address:
            with photographed(still(), address, "ranking") as page:
                rank(page)
            with photographed(still(), address, "chinese") as page:
                rank_in_chinese(page)
            with photographed(still(), address, "presets") as page:
                rank_with_two_presets(page)
            with photographed(still(color_scheme="dark"), address, "dark") as page:
                rank(page)
            with photographed(phone(), address, "phone") as page:
                rank(page)
        with (
            demo_server(*SMALL_QUEUE) as address,
            kept_busy(address),
            photographed(still(), address, "error") as page,
        ):
            be_refused(page)


if __name__ == "__main__":
    main()
