"""Errors on the page: told in words, and never as markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from bge_reranker.errors import NotReady
from tests.live.server import LiveServer

from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

QUEUE_TOKENS = 100_000
"""As many as the servers of all tests hold."""

WAIT_IN_WORDS = re.compile(r"^Try again in \d+ seconds?\. ")

MARKUP = "<img src=x onerror=\"globalThis.harmed=1\"><script>globalThis.harmed=1</script><svg onload='harmed=1'>"


@pytest.fixture
def fresh_visit(browser: Browser, fresh_server: LiveServer) -> Iterator[Visit]:
    """The page of a server whose state the test changes."""
    with Visit.to(browser, fresh_server) as visiting:
        visiting.open()
        yield visiting


def test_empty_fields_are_named_and_the_first_gets_the_focus(visit: Visit) -> None:
    visit.rank("", "")
    expect(visit.page.get_by_text("Write what you are looking for.")).to_be_visible()
    expect(visit.page.get_by_text("Write at least one candidate")).to_be_visible()
    expect(visit.page.get_by_label("Query")).to_be_focused()
    visit.rank("q", "good")
    assert visit.texts() == ["good"]
    expect(visit.page.get_by_text("Write what you are looking for.")).to_be_hidden()


def test_a_refused_request_is_told_in_words_with_code_and_id(visit: Visit) -> None:
    visit.page.get_by_text("Long texts").click()
    visit.page.get_by_label("Documents too long").select_option("reject")
    visit.rank("q", "good " * 100)
    expect(visit.problem).to_contain_text("The server cannot work with this request")
    expect(visit.problem).to_contain_text("Document 0 has more than 59 tokens")
    expect(visit.problem).to_contain_text("HTTP 422 · DocumentTooLong · request ")


def test_a_problem_goes_away_with_the_next_ranking(visit: Visit) -> None:
    visit.page.get_by_text("Long texts").click()
    visit.page.get_by_label("Longest pair, in tokens").fill("9999")
    visit.rank("q", "good")
    expect(visit.problem).to_contain_text("it must be between 8 and 64")
    visit.page.get_by_label("Longest pair, in tokens").fill("")
    visit.rank("q", "good")
    assert visit.texts() == ["good"]
    expect(visit.problem).to_be_hidden()


def test_overload_is_told_with_the_seconds_to_wait(fresh_visit: Visit) -> None:
    engine = fresh_visit.server.engine
    with engine.reserve(QUEUE_TOKENS, float("inf")):
        fresh_visit.rank("q", "good")
        expect(fresh_visit.problem).to_contain_text("The server is busy")
        expect(fresh_visit.problem.locator("p").first).to_have_text(WAIT_IN_WORDS)
        expect(fresh_visit.problem).to_contain_text("HTTP 429 · QueueFull")
    fresh_visit.rank("q", "good")
    assert fresh_visit.texts() == ["good"]


def test_a_server_that_is_not_ready_says_so(fresh_visit: Visit) -> None:
    fresh_visit.server.state.model, model = None, fresh_visit.server.state.model
    try:
        fresh_visit.rank("q", "good")
        expect(fresh_visit.problem).to_contain_text("The server is not ready")
        expect(fresh_visit.problem).to_contain_text("The model is still loading.")
    finally:
        fresh_visit.server.state.model = model


def test_the_reason_of_a_failed_model_is_shown_as_text(fresh_visit: Visit) -> None:
    fresh_visit.server.state.model, model = None, fresh_visit.server.state.model
    fresh_visit.server.state.failure = NotReady(MARKUP)
    try:
        fresh_visit.rank("q", "good")
        expect(fresh_visit.problem).to_contain_text(MARKUP)
        expect(fresh_visit.problem.locator("img, script, svg")).to_have_count(0)
    finally:
        fresh_visit.server.state.model = model


def test_a_server_that_is_gone_is_told_in_words(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    visit.rank("q", "good")
    expect(visit.problem).to_contain_text("The server cannot be reached")


@pytest.mark.parametrize(("status", "title"), [(200, "The answer is no ranking"), (502, "The server failed")])
def test_an_answer_that_is_not_the_servers_is_told_in_words(visit: Visit, status: int, title: str) -> None:
    # What a proxy says in the server's place.
    visit.page.route("**/rerank", lambda route: route.fulfill(status=status, body="<html>Welcome</html>"))
    visit.rank("q", "good")
    expect(visit.problem).to_contain_text(title)
    expect(visit.problem).to_contain_text("such as a proxy")


def test_injected_html_stays_text(visit: Visit) -> None:
    visit.page.get_by_label("Beside it").select_option("tei")
    visit.rank(MARKUP, MARKUP, "good", f"nan {MARKUP}")
    assert visit.texts("As the server is set") == ["good", MARKUP, f"nan {MARKUP}"]
    expect(visit.page.locator("#panels img, #panels script, #panels svg, #status img, #command img")).to_have_count(0)
    assert visit.page.evaluate("globalThis.harmed") is None
    assert visit.watch.hosts() == {visit.server.url.removeprefix("http://")}
