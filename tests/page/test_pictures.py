"""Pictures on the page: chosen or drawn, ranked by the embedded dual encoder, shown beside their bars."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from demo_clip.pictures import draw_scene
from demo_clip.scenes import Scene
from tests.vision.tiny import file_of

from .screenshots import demo_server
from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page

SHOWN = "(image) => image.complete && image.naturalWidth > 0 && image.getBoundingClientRect().width > 10"


@pytest.fixture(scope="module")
def dual() -> Iterator[str]:
    """A server of the embedded dual encoder."""
    with demo_server("--model", "demo-clip") as address:
        yield address


@pytest.fixture
def page(browser: Browser, dual: str) -> Iterator[Page]:
    """Its page."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(dual)
        yield page


def _rank(page: Page) -> None:
    page.get_by_role("button", name="Rank", exact=True).click()
    page.locator("#rank:not([aria-busy=true])").wait_for()


def test_each_picture_of_the_example_is_seen_beside_its_bar_and_the_right_one_is_first(page: Page) -> None:
    page.get_by_role("button", name="Picture example").click()
    expect(page.get_by_role("list", name="Pictures to rank").locator("img")).to_have_count(5)
    third = page.locator("#picture-list img").nth(2).get_attribute("src")
    _rank(page)
    rows = page.locator(".ranking > li")
    expect(rows).to_have_count(5)
    assert all(rows.nth(row).locator("img").evaluate(SHOWN) for row in range(5))
    assert all(rows.nth(row).locator(".bar").is_visible() for row in range(5))
    assert rows.first.locator("img").get_attribute("src") == third


def test_chosen_files_are_ranked_among_texts_and_can_be_taken_out_again(page: Page) -> None:
    scenes = [Scene(1, "blue", "square", "white"), Scene(3, "red", "circle", "white")]
    files: list[FilePayload] = [
        {"name": f"{index}.png", "mimeType": "image/png", "buffer": file_of(draw_scene(scene, random.Random(index)))}
        for index, scene in enumerate(scenes)
    ]
    page.get_by_label("Query").fill(scenes[1].caption())
    page.get_by_label("Candidates", exact=True).fill(scenes[0].caption())
    page.locator("#pictures").set_input_files(files)
    _rank(page)
    rows = page.locator(".ranking > li")
    expect(rows).to_have_count(3)
    expect(rows.first.locator("img")).to_have_count(1)
    assert rows.first.locator("img").evaluate(SHOWN)

    page.get_by_role("button", name="Remove picture 2").click()
    _rank(page)
    expect(rows).to_have_count(2)


def test_a_picture_without_a_score_is_shown_with_its_reason(page: Page) -> None:
    page.get_by_label("Query").fill("a red circle")
    page.get_by_label("Candidates", exact=True).fill("a text")
    page.locator("#pictures").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    _rank(page)
    expect(page.locator(".unscored")).to_contain_text("InvalidPicture")


def test_a_server_of_texts_offers_no_pictures(visit: Visit) -> None:
    expect(visit.page.locator("#facts")).to_contain_text("scripted")
    expect(visit.page.get_by_role("button", name="Picture example")).to_be_hidden()
    expect(visit.page.locator("#pictures-choice")).to_be_hidden()
