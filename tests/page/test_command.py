"""The command that the page gives: run by a shell with the real curl, in every dialect."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect

from bge_reranker.api.dispatch import DIALECTS
from tests import needs
from tests.in_ci import IN_CI
from tests.live.server import WAIT_S, LiveServer, live_server

from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(not needs.CURL.is_met and not IN_CI, reason=needs.CURL.lack)

QUERY, CANDIDATES = "it's `q` $HOME \\", ('good "quoted"', "bad 'un' good")
"""Texts that a careless shell line would change, and a careless JSON."""

COUNTER = "bge_reranker_http_requests_total"

TOKENS = (4 + 4 + 2) + (4 + 4 + 3)
"""Tokens of both pairs, which tell whether the texts arrived whole."""

LISTENERS = (None, "sglang", "cohere-v2")
"""Dialects that a listener speaks to whoever names none."""


@dataclass(frozen=True)
class Answer:
    """What curl printed."""

    status: int
    tokens: str
    body: Any


@pytest.fixture(params=LISTENERS)
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    """A server with or without a default dialect."""
    with live_server(tmp_path, {"default_dialect": request.param}) as running:
        yield running


@pytest.mark.parametrize("logits", [False, True])
def test_the_command_speaks_every_dialect_wherever_it_is_pasted(
    browser: Browser,
    listener: LiveServer,
    logits: bool,  # noqa: FBT001 - a test's case
) -> None:
    with Visit.to(browser, listener) as visit:
        # What the server says of itself decides how the command names its dialect.
        with visit.page.expect_response("**/info"):
            visit.open()
        expect(visit.page.locator("#facts")).to_contain_text("ready")
        visit.write(QUERY, *CANDIDATES)
        visit.page.get_by_role("radio", name="Logit" if logits else "Score").check()
        choice = visit.page.get_by_label("Dialect", exact=True)
        names = choice.locator("option").evaluate_all("(options) => options.map((option) => option.value)")
        assert set(names) == set(DIALECTS)
        for name in names:
            choice.select_option(name)
            answer = run(visit.page.locator("#command").inner_text())
            assert (answer.status, answer.tokens) == (200, str(TOKENS)), f"{name}: {answer.body}"
        assert _dialects_spoken(listener) == dict.fromkeys(DIALECTS, 1)


def test_the_command_names_its_dialect_only_where_the_server_would_take_another(
    browser: Browser, tmp_path: Path
) -> None:
    with live_server(tmp_path, {"default_dialect": "jina"}) as server, Visit.to(browser, server) as visit:
        visit.open()
        expect(visit.page.locator("#facts")).to_contain_text("jina")
        expect(visit.page.locator("#command")).to_contain_text("X-Rerank-Dialect: native")
        visit.page.get_by_label("Dialect", exact=True).select_option("jina")
        expect(visit.page.locator("#command")).not_to_contain_text("X-Rerank-Dialect")


def test_the_command_is_copied(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.write("q", "good")
    visit.page.get_by_role("button", name="Copy as curl").click()
    expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert copied == visit.page.locator("#command").inner_text()
    assert run(copied).body["ranked_candidates"] == ["good"]


def test_a_long_command_is_shown_in_part_and_copied_whole(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.write("q", *["good " * 10] * 100)
    expect(visit.page.locator("#command")).to_contain_text("characters more")
    visit.page.get_by_role("button", name="Copy as curl").click()
    expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
    assert len(run(visit.page.evaluate("navigator.clipboard.readText()")).body["results"]) == 100


def run(command: str) -> Answer:
    """Paste a command into a shell."""
    write_out = " -w '\\n%{http_code} %header{x-compute-tokens}'"
    ran = subprocess.run(
        ["/bin/sh", "-c", command + write_out], capture_output=True, text=True, check=True, timeout=WAIT_S
    )
    body, _, last = ran.stdout.rpartition("\n")
    status, _, tokens = last.partition(" ")
    return Answer(int(status), tokens, json.loads(body))


def _dialects_spoken(server: LiveServer) -> dict[str, float]:
    """Requests ranked by dialect, as the server counts them."""
    # A request is counted right after its answer has left: one more, and those before it are counted.
    httpx.get(server.url + "/health", timeout=WAIT_S)
    label = {"status": "200"}
    found = {name: server.metrics.registry.get_sample_value(COUNTER, label | {"dialect": name}) for name in DIALECTS}
    return {name: count for name, count in found.items() if count}
