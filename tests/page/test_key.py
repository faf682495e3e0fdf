"""The page of a server that wants a key: where it is entered, and that nothing keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.live.server import LiveServer, live_server

from .browser import PHONE
from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

KEY = "a-key-of-the-page"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("guarded"), {"api_keys": KEY}) as running:
        yield running


@pytest.fixture
def guarded_visit(browser: Browser, guarded: LiveServer) -> Iterator[Visit]:
    with Visit.to(browser, guarded) as visiting:
        visiting.open()
        expect(visiting.page.get_by_label("API key")).to_be_visible()
        yield visiting


def test_a_key_is_asked_for_only_where_one_is_needed(visit: Visit) -> None:
    expect(visit.page.locator("#facts")).to_contain_text("ready")
    expect(visit.page.get_by_label("API key")).to_be_hidden()
    expect(visit.page.locator("#command")).not_to_contain_text("Authorization")


def test_the_key_lets_the_page_rank_and_compare(guarded_visit: Visit) -> None:
    guarded_visit.page.get_by_label("API key").fill(f" {KEY} ")
    guarded_visit.page.get_by_label("Beside it").select_option("tei")
    guarded_visit.rank("q", "bad", "good")
    assert guarded_visit.texts("tei") == ["good", "bad"]


def test_a_missing_key_and_one_that_no_header_can_hold_are_told_beside_the_field(guarded_visit: Visit) -> None:
    guarded_visit.rank("q", "good")
    expect(guarded_visit.page.get_by_text("This server wants an API key.")).to_be_visible()
    expect(guarded_visit.page.get_by_label("API key")).to_be_focused()
    guarded_visit.page.get_by_label("API key").fill("schlüssel")
    guarded_visit.rank("q", "good")
    expect(guarded_visit.page.get_by_text("neither spaces nor letters with accents")).to_be_visible()
    assert not [url for url in guarded_visit.watch.requests if url.endswith("/rerank")]


def test_a_wrong_key_is_told_in_words(guarded_visit: Visit) -> None:
    guarded_visit.page.get_by_label("API key").fill("another-key")
    guarded_visit.rank("q", "good")
    expect(guarded_visit.problem).to_contain_text("The server does not let this key in")
    expect(guarded_visit.problem).to_contain_text("HTTP 401 · Unauthenticated")


def test_the_key_is_kept_nowhere_and_shown_nowhere(guarded_visit: Visit) -> None:
    field = guarded_visit.page.get_by_label("API key")
    field.fill(KEY)
    guarded_visit.rank("q", "good")
    guarded_visit.texts()
    expect(field).to_have_attribute("type", "password")
    assert KEY not in guarded_visit.page.locator("body").inner_text()
    assert guarded_visit.page.context.storage_state() == {"cookies": [], "origins": []}
    assert not any(KEY in url for url in guarded_visit.watch.requests)
    guarded_visit.page.reload()
    expect(guarded_visit.page.get_by_label("API key")).to_have_value("")


def test_the_command_takes_the_key_from_the_shell(guarded_visit: Visit) -> None:
    guarded_visit.page.get_by_label("API key").fill(KEY)
    expect(guarded_visit.page.locator("#command")).to_contain_text('-H "Authorization: Bearer $API_KEY"')
    expect(guarded_visit.page.locator("#command")).not_to_contain_text(KEY)


def test_a_server_that_got_its_keys_after_the_page_was_opened_is_asked_about_them(
    browser: Browser, guarded: LiveServer
) -> None:
    with Visit.to(browser, guarded) as visit:
        visit.page.route("**/info", lambda route: route.fulfill(json={"ready": True}))
        visit.open()
        expect(visit.page.locator("#facts")).to_contain_text("ready")
        expect(visit.page.get_by_label("API key")).to_be_hidden()
        visit.rank("q", "good")
        expect(visit.page.get_by_label("API key")).to_be_visible()
        visit.page.get_by_label("API key").fill(KEY)
        visit.rank("q", "good")
        assert visit.texts() == ["good"]


def test_the_key_fits_a_phone(browser: Browser, guarded: LiveServer) -> None:
    with Visit.to(browser, guarded, viewport=PHONE, has_touch=True, is_mobile=True) as visit:
        visit.open()
        expect(visit.page.get_by_label("API key")).to_be_in_viewport()
        assert visit.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_the_reference_lets_a_key_be_entered(guarded_visit: Visit) -> None:
    guarded_visit.open("/docs")
    guarded_visit.page.get_by_role("button", name="Authorize").first.click()
    guarded_visit.page.get_by_label("auth-bearer-value").fill(KEY)
    guarded_visit.page.get_by_role("button", name="Apply credentials").first.click()
    guarded_visit.page.get_by_role("button", name="Close").first.click()
    guarded_visit.page.get_by_text("Rank documents for a query").first.click()
    guarded_visit.page.get_by_role("button", name="Execute").first.click()
    expect(guarded_visit.page.get_by_text(re.compile("ranked_candidates")).first).to_be_visible()
    assert guarded_visit.watch.complaints == []
