"""The files behind the page and the reference, over a real socket; what a browser makes of them is in tests/page."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

import bge_reranker.api.page
from tests.live.server import LiveServer

STATIC = Path(bge_reranker.api.page.__file__).parent / "static"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ASSETS = sorted(file.name for file in (STATIC / "assets").iterdir())


def test_the_root_answers_the_page_to_a_browser_and_health_to_others(server: LiveServer) -> None:
    page = httpx.get(server.url, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for accept in ("*/*", "application/json", ""):
        health = httpx.get(server.url, headers={"Accept": accept})
        assert health.json() == {"status": "ok"}
        assert health.headers["vary"] == page.headers["vary"] == "Accept"


@pytest.mark.parametrize("path", ["/", *(f"/assets/{name}" for name in ASSETS)])
def test_every_file_comes_under_a_policy_without_exceptions(server: LiveServer, path: str) -> None:
    answer = httpx.get(server.url + path, headers=BROWSER)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_reference_comes_from_this_server_alone(server: LiveServer) -> None:
    page = httpx.get(server.url + "/docs", headers=BROWSER)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert httpx.get(f"{server.url}/{name}").status_code == 200


@pytest.mark.parametrize("file", sorted(STATIC.rglob("*.*")), ids=lambda file: file.name)
def test_no_file_names_an_outside_address_or_holds_inline_code(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//[a-z]+\.[a-z]", text)
    if file.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)


def test_scripts_never_write_markup() -> None:
    for file in (STATIC / "assets").glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", file.read_text())


def test_an_unchanged_file_is_not_sent_again(server: LiveServer) -> None:
    first = httpx.get(server.url + "/assets/page.css")
    second = httpx.get(server.url + "/assets/page.css", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize("path", ["nothing.js", "", "%2e%2e/index.html", "..%2fpage.py", "%00", "a" * 5_000])
def test_a_path_that_is_no_file_is_not_found(server: LiveServer, path: str) -> None:
    answer = httpx.get(f"{server.url}/assets/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "RouteNotFound")


def test_a_file_takes_no_other_method(server: LiveServer) -> None:
    answer = httpx.post(server.url + "/assets/page.css")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
