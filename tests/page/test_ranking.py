"""What people do on the page, in a real browser against a real server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .visit import Visit

MEASURE = """(tracks) => tracks.flatMap((track) => {
    const [whole, filled] = [track.getBoundingClientRect(), track.firstChild.getBoundingClientRect()];
    return [(filled.x - whole.x) / whole.width, filled.width / whole.width];
})"""


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


def test_bars_run_from_nothing_to_full_for_scores_and_from_the_middle_for_logits(visit: Visit) -> None:
    visit.rank("q", "bad", "good good")
    assert _bars(visit) == pytest.approx([0, 0.8808, 0, 0.2689], abs=0.005)
    expect(visit.panel().locator(".marks span")).to_have_text(["0", "0.5", "1"])
    visit.page.get_by_role("radio", name="Logit").check()
    expect(visit.panel().locator(".marks span")).to_have_text(["−2", "0", "2"])
    assert _bars(visit) == pytest.approx([0.5, 0.5, 0.25, 0.25], abs=0.005)


def test_two_presets_stand_side_by_side(visit: Visit) -> None:
    visit.page.get_by_label("Preset").select_option("crossencoder")
    visit.page.get_by_label("Beside it").select_option("flagreranker")
    visit.page.get_by_role("radio", name="Logit").check()
    visit.rank("q " * 56, "good " * 40)
    # Of 60 places: the longer side is cut until both have 30; the other preset gives the query 48.
    assert visit.scores("crossencoder") == ["30.000"]
    assert visit.scores("flagreranker") == ["12.000"]
    for title in ("crossencoder", "flagreranker"):
        expect(visit.panel(title)).to_contain_text("largest difference 18.0000")
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
    expect(visit.panel()).to_contain_text("nothing truncated")
    expect(visit.panel().get_by_text("truncated", exact=True)).to_have_count(0)
    assert visit.scores() == ["1.0000"]


def test_a_candidate_without_a_score_is_shown_with_the_reason(visit: Visit) -> None:
    visit.rank("q", "nan", "good")
    assert visit.texts() == ["good", "nan"]
    expect(visit.panel().locator("li").last).to_contain_text("NonFiniteScore")


@pytest.mark.parametrize(("button", "word"), [("English example", "picture"), ("中文示例", "文件夹")])
def test_each_example_fills_the_form_and_ranks(visit: Visit, button: str, word: str) -> None:
    visit.write("", "")
    visit.page.get_by_role("button", name=button).click()
    expect(visit.page.get_by_label("Query")).to_have_value(re.compile(word))
    visit.press_rank()
    assert len(visit.texts()) == 5


def test_a_file_gives_one_candidate_per_line(visit: Visit) -> None:
    content = "bad\r\n\r\ngood\r\n好 good good\r\n".encode()
    visit.page.get_by_label("Open a file").set_input_files(
        {"name": "candidates.txt", "mimeType": "text/plain", "buffer": content}
    )
    expect(visit.page.get_by_text("3 candidates")).to_be_visible()
    visit.press_rank()
    assert visit.texts() == ["好 good good", "good", "bad"]


def _bars(visit: Visit) -> list[float]:
    """Start and length of each bar in turn, as shares of its track."""
    bars: list[float] = visit.panel().locator(".bar").evaluate_all(MEASURE)
    return bars
