"""What people do on the page, in a real browser against a real server."""

from __future__ import annotations

import json
import re
import shlex

import httpx
import pytest
from playwright.sync_api import expect

from bge_reranker.api.dispatch import DIALECTS, candidates
from bge_reranker.api.prefix import PREFIX
from tests.live.server import WAIT_S

from .visit import Visit


def test_the_page_ranks_candidates_best_first_with_scores(visit: Visit) -> None:
    visit.rank("q", "bad", "good good", "", "good")
    assert visit.texts() == ["good good", "good", "bad"]
    assert visit.scores() == ["0.8808", "0.7311", "0.2689"]
    expect(visit.status).to_contain_text("Ranked 3 candidates")
    expect(visit.status).to_contain_text("Best: good good")


def test_the_page_counts_tokens_and_splits_the_latency(visit: Visit) -> None:
    visit.rank("q", "bad", "good good")
    expect(visit.panel()).to_contain_text("13 tokens")
    expect(visit.panel().locator("li").first).to_contain_text("7 tokens")
    for phase in ("Tokenise", "Queue", "Compute", "Other", "Total", "Round trip"):
        term = visit.panel().locator("dl div").filter(has=visit.page.get_by_text(phase, exact=True))
        expect(term.locator("dd")).to_contain_text("ms")


def test_the_page_says_what_was_truncated(visit: Visit) -> None:
    visit.rank("q", "bad", "good " * 100)
    expect(visit.panel()).to_contain_text("1 truncated")
    expect(visit.panel().locator("li").first).to_contain_text("truncated")
    expect(visit.panel().locator("li").last).not_to_contain_text("truncated")


def test_the_page_shows_what_is_served(visit: Visit) -> None:
    facts = visit.page.locator("#facts")
    for fact in ("scripted", "d" * 12, "float32", "cpu", "64 tokens", "ready"):
        expect(facts).to_contain_text(fact)


def test_the_switch_shows_logits_without_asking_again(visit: Visit) -> None:
    visit.rank("q", "bad", "good good")
    assert visit.scores() == ["0.8808", "0.2689"]
    asked = len(visit.watch.requests)
    visit.page.get_by_role("radio", name="Logit").check()
    expect(visit.panel().locator(".score").first).to_have_text("2.000")
    assert visit.scores() == ["2.000", "-1.000"]
    assert len(visit.watch.requests) == asked


def test_two_presets_stand_side_by_side(visit: Visit) -> None:
    visit.page.get_by_label("Preset").select_option("crossencoder")
    visit.page.get_by_label("Beside it").select_option("flagreranker")
    visit.page.get_by_role("radio", name="Logit").check()
    visit.rank("q " * 56, "good " * 40)
    # Of 60 places: the longer side is cut until both have 30; the other preset gives the query 48.
    assert visit.scores("crossencoder") == ["30.000"]
    assert visit.scores("flagreranker") == ["12.000"]
    expect(visit.panel("flagreranker")).to_contain_text("largest difference 18.0000")
    left, right = visit.panel("crossencoder").bounding_box(), visit.panel("flagreranker").bounding_box()
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]


def test_long_documents_are_read_in_windows_when_asked(visit: Visit) -> None:
    visit.page.get_by_text("Long texts").click()
    visit.page.get_by_label("Documents too long").select_option("windows_max")
    visit.page.get_by_label("Longest pair, in tokens").fill("32")
    visit.rank("q", "bad " * 60 + "good " * 60)
    expect(visit.panel()).to_contain_text("0 truncated")
    assert visit.scores() == ["1.0000"]


def test_a_candidate_without_a_score_is_shown_with_the_reason(visit: Visit) -> None:
    visit.rank("q", "nan", "good")
    assert visit.texts() == ["good", "nan"]
    expect(visit.panel().locator("li").last).to_contain_text("NonFiniteScore")


@pytest.mark.parametrize(("button", "word"), [("English example", "battery"), ("中文示例", "电池")])
def test_each_example_fills_the_form_and_ranks(visit: Visit, button: str, word: str) -> None:
    visit.write("", "")
    visit.page.get_by_role("button", name=button).click()
    expect(visit.page.get_by_label("Query")).to_have_value(re.compile(word))
    visit.page.get_by_role("button", name="Rank").click()
    assert len(visit.texts()) == 5


def test_a_file_gives_one_candidate_per_line(visit: Visit) -> None:
    content = "bad\r\n\r\ngood\r\n好 good good\r\n".encode()
    visit.page.get_by_label("Open a file").set_input_files(
        {"name": "candidates.txt", "mimeType": "text/plain", "buffer": content}
    )
    expect(visit.page.get_by_text("3 candidates")).to_be_visible()
    visit.page.get_by_role("button", name="Rank").click()
    assert visit.texts() == ["好 good good", "good", "bad"]


@pytest.mark.parametrize("logits", [False, True])
def test_the_command_speaks_every_dialect_of_the_server(visit: Visit, logits: bool) -> None:  # noqa: FBT001 - a test's case
    visit.write("it's `q` $HOME \\", 'good "quoted"', "bad 'un' good")
    visit.page.get_by_role("radio", name="Logit" if logits else "Score").check()
    choice = visit.page.get_by_label("Dialect")
    names = choice.locator("option").evaluate_all("(options) => options.map((option) => option.value)")
    assert set(names) == set(DIALECTS)
    for name in names:
        choice.select_option(name)
        request = _request(visit.page.locator("#command").inner_text())
        assert _dialect_of(request) == name
        answer = _run(visit.page.locator("#command").inner_text())
        assert answer.status_code == 200, f"{name}: {answer.text}"
        assert answer.headers["x-compute-tokens"] == str((4 + 4 + 2) + (4 + 4 + 3)), f"{name}: {answer.text}"


def test_the_command_is_copied(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.write("q", "good")
    visit.page.get_by_role("button", name="Copy as curl").click()
    expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert copied == visit.page.locator("#command").inner_text()
    assert _run(copied).json()["ranked_candidates"] == ["good"]


def test_a_long_command_is_shown_in_part_and_copied_whole(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.write("q", *["good " * 10] * 100)
    expect(visit.page.locator("#command")).to_contain_text("characters more")
    visit.page.get_by_role("button", name="Copy as curl").click()
    expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
    assert len(_run(visit.page.evaluate("navigator.clipboard.readText()")).json()["results"]) == 100


def _run(command: str) -> httpx.Response:
    with httpx.Client(timeout=WAIT_S) as client:
        return client.send(_request(command))


def _request(command: str) -> httpx.Request:
    """What curl would send: the words of a POSIX shell, an address, headers and data."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["curl", "-sS"]
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1]
    return httpx.Request("POST", words[2], content=body.encode(), headers=headers)


def _dialect_of(request: httpx.Request) -> str:
    """How the server reads a request, by prefix, route and keys."""
    path, asked = request.url.path, None
    if path.startswith(PREFIX):
        asked, _, rest = path.removeprefix(PREFIX).partition("/")
        path = f"/{rest}"
    return candidates(path, asked).settle(json.loads(request.content)).name
