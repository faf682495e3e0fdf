"""`python -m tests.page.screenshots`: pictures of the page for docs/screenshots, taken of the embedded model."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.live.server import WAIT_S, live_server

from .browser import DESKTOP, PHONE, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
SERVE = "from bge_reranker.cli.main import main; main()"


@contextmanager
def demo_server() -> Iterator[str]:
    """Serve the embedded model in a process of its own; gives its address."""
    flags = ["--port", "0", "--management-port", "0", "--threads", "1"]
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if line.startswith("Ready: "))
        try:
            yield ready.split()[-1]
        finally:
            process.kill()


def photograph(context: BrowserContext, address: str, name: str, *, in_chinese_compared: bool = False) -> None:
    """Rank an example, if the server will, and keep what is seen."""
    context.set_default_timeout(WAIT_S * 1000)
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    if in_chinese_compared:
        page.get_by_role("button", name="中文示例").click()
        _compare_presets(page)
    page.get_by_role("button", name="Rank").click()
    page.locator(".panel, .problem:not([hidden])").first.wait_for()
    page.locator("#rank[aria-busy=false]").wait_for()
    page.mouse.click(0, 0)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
    context.close()


def _compare_presets(page: Page) -> None:
    page.get_by_label("Preset").select_option("crossencoder")
    page.get_by_label("Beside it").select_option("flagreranker")
    page.get_by_text("Long texts").click()
    page.get_by_label("Longest pair, in tokens").fill("16")


def photograph_overload(browser: Browser) -> None:
    """The page of a server whose queue is full."""
    flags = {"max_batch_tokens": 64, "max_queue_tokens": 64}
    with (
        tempfile.TemporaryDirectory() as folder,
        live_server(Path(folder), flags) as server,
        server.engine.reserve(64, float("inf")),
    ):
        photograph(browser.new_context(viewport=DESKTOP), server.url, "error")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        with demo_server() as address:
            still = partial(browser.new_context, reduced_motion="reduce")
            photograph(still(viewport=DESKTOP), address, "light")
            photograph(still(viewport=DESKTOP, color_scheme="dark"), address, "dark", in_chinese_compared=True)
            photograph(still(viewport=PHONE, has_touch=True, is_mobile=True), address, "phone")
        photograph_overload(browser)


if __name__ == "__main__":
    main()
