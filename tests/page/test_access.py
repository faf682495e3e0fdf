"""The page for everybody: by keyboard, on a phone, in the dark, and without anything from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.live.server import LiveServer

from .browser import DESKTOP, PHONE
from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDTH = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"

FOCUS = """() => {
    const at = document.activeElement;
    const shown = [at, at.nextElementSibling, at.closest("label")].filter(Boolean);
    return {
        name: at === document.body ? "end" : at.id || at.name || at.textContent.trim(),
        visible: at === document.body || shown.some((element) => getComputedStyle(element).outlineStyle === "solid"),
    };
}"""

CONTRASTS = """() => {
    const luminance = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
            .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const ground = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : colour;
    };
    return [...document.querySelectorAll("body *")]
        .filter((element) => element.checkVisibility())
        .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((element) => {
            const [one, two] = [luminance(getComputedStyle(element).color), luminance(ground(element))];
            return [(Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05), element.outerHTML.slice(0, 120)];
        });
}"""


def test_everything_can_be_done_by_keyboard_alone(visit: Visit) -> None:
    keyboard = visit.page.keyboard
    _tab_to(visit, "query")
    keyboard.press("Control+A")
    keyboard.type("q")
    keyboard.press("Tab")
    keyboard.press("Control+A")
    keyboard.type("bad\ngood")
    keyboard.press("Control+Enter")
    assert visit.scores() == ["0.7311", "0.2689"]
    _tab_to(visit, "scale")
    keyboard.press("ArrowRight")
    expect(visit.panel().locator(".score").first).to_have_text("1.000")
    _tab_to(visit, "compare")
    keyboard.press("ArrowDown")
    _tab_to(visit, "rank")
    keyboard.press("Enter")
    assert visit.texts("crossencoder") == ["good", "bad"]


def test_every_stop_of_the_tab_key_shows_its_focus(visit: Visit) -> None:
    visit.rank("q", "good")
    visit.texts()
    visit.page.locator("h1").click()
    stops = [_next_stop(visit) for _ in range(16)]
    names = [stop["name"] for stop in stops]
    wanted = ["query", "candidates", "file", "English example", "中文示例", "scale", "preset", "compare", "rank"]
    assert [name for name in names if name in wanted][: len(wanted)] == wanted
    assert {"dialect", "copy", "command"} <= set(names)
    assert [stop["name"] for stop in stops if not stop["visible"]] == []


def test_every_control_has_a_name(visit: Visit) -> None:
    nameless = visit.page.evaluate(
        """[...document.querySelectorAll("button, input, select, textarea, summary")]
            .filter((control) => !control.labels?.length && !control.textContent.trim()).map((control) => control.id)"""
    )
    assert nameless == []


def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, server: LiveServer) -> None:
    with Visit.to(browser, server, viewport=PHONE, has_touch=True, is_mobile=True) as visit:
        visit.open()
        assert visit.page.evaluate(WIDTH) == [360, 360]
        visit.page.get_by_text("Long texts").click()
        visit.page.get_by_label("Beside it").select_option("tei")
        visit.rank("q" * 300, "good" * 200, "nan", "好" * 300)
        assert len(visit.texts("tei")) == 3
        assert visit.page.evaluate(WIDTH) == [360, 360]
        visit.page.get_by_label("Longest pair, in tokens").fill("9999")
        visit.press_rank()
        expect(visit.problem).to_be_visible()
        assert visit.page.evaluate(WIDTH) == [360, 360]


def test_a_long_text_unfolds_and_a_short_one_has_nothing_to_unfold(browser: Browser, server: LiveServer) -> None:
    with Visit.to(browser, server, viewport=PHONE, has_touch=True, is_mobile=True) as visit:
        visit.open()
        visit.rank("q", "good " * 300, "bad")
        visit.texts()
        long, short = visit.panel().locator("li").all()
        # The button comes when the text has been measured, and adds to the height.
        expect(long.get_by_role("button", name="Show all")).to_be_visible()
        expect(short.get_by_role("button")).to_have_count(0)
        folded = long.bounding_box()
        long.get_by_role("button", name="Show all").click()
        unfolded = long.bounding_box()
        assert folded is not None
        assert unfolded is not None
        assert unfolded["height"] > 2 * folded["height"]
        expect(long.get_by_role("button", name="Show less")).to_have_attribute("aria-expanded", "true")
        long.get_by_role("button", name="Show less").click()
        refolded = long.bounding_box()
        assert refolded is not None
        assert refolded["height"] == pytest.approx(folded["height"])


def test_what_came_of_it_is_brought_into_sight_on_a_phone(browser: Browser, server: LiveServer) -> None:
    with Visit.to(browser, server, viewport=PHONE, has_touch=True, is_mobile=True) as visit:
        visit.open()
        visit.rank("q", "good")
        expect(visit.panel().locator("h2")).to_be_in_viewport()
        visit.page.get_by_text("Long texts").click()
        visit.page.get_by_label("Longest pair, in tokens").fill("9999")
        visit.press_rank()
        expect(visit.problem).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_in_light_and_dark(browser: Browser, server: LiveServer, scheme: str) -> None:
    with Visit.to(browser, server, viewport=DESKTOP, color_scheme=scheme, reduced_motion="reduce") as visit:
        visit.open()
        visit.rank("q", "good " * 100, "nan", "bad")
        visit.texts()
        found = visit.page.evaluate(CONTRASTS)
        assert len(found) > 30
        assert [entry for entry in found if entry[0] < 4.5] == []


def test_light_and_dark_follow_the_system(browser: Browser, server: LiveServer) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        with Visit.to(browser, server, color_scheme=scheme) as visit:
            visit.open()
            grounds[scheme] = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert grounds == {"light": "rgb(246, 246, 244)", "dark": "rgb(18, 19, 23)"}


def test_the_page_asks_nobody_else_and_breaks_no_policy(visit: Visit) -> None:
    visit.page.get_by_label("Beside it").select_option("tei")
    visit.rank("q", "good", "bad")
    visit.texts("tei")
    visit.page.get_by_role("button", name="Copy as curl").click()
    assert visit.watch.hosts() == {visit.server.url.removeprefix("http://")}
    assert visit.watch.complaints == []


def test_the_reference_works_offline_under_the_same_policy(visit: Visit) -> None:
    visit.open("/docs")
    visit.page.get_by_text("Rank documents for a query").first.click()
    visit.page.get_by_role("button", name="Execute").first.click()
    expect(visit.page.get_by_text("ranked_candidates").first).to_be_visible()
    assert visit.watch.hosts() == {visit.server.url.removeprefix("http://")}
    assert visit.watch.complaints == []


def _tab_to(visit: Visit, name: str) -> None:
    for _ in range(30):
        if _next_stop(visit)["name"] == name:
            return
    pytest.fail(f"the tab key never reaches {name}")


def _next_stop(visit: Visit) -> dict[str, object]:
    visit.page.keyboard.press("Tab")
    stop: dict[str, object] = visit.page.evaluate(FOCUS)
    return stop
