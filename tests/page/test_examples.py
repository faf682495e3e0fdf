"""The examples with the embedded model: what answers the query comes first, and clearly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .screenshots import demo_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MARGIN = 0.2
"""Least difference between the best score and the next: a bar that is seen to be longer."""


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    """A server of the embedded model."""
    with demo_server() as address:
        yield address


@pytest.fixture
def page(browser: Browser, demo: str) -> Iterator[Page]:
    """Its page."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(demo)
        yield page


@pytest.mark.parametrize(("button", "best"), [("English example", "put an image"), ("中文示例", "tar")])
def test_the_embedded_model_puts_the_answer_first_by_a_clear_margin(page: Page, button: str, best: str) -> None:
    page.get_by_role("button", name=button).click()
    page.get_by_role("button", name="Rank").click()
    expect(page.locator(".text").first).to_contain_text(best)
    first, second = (float(text) for text in page.locator(".score").all_inner_texts()[:2])
    assert first - second > MARGIN
