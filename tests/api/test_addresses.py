"""Paths, methods, origins and media types: what reaches a route, and what is said where nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bge_reranker.api.accept import prefers_html
from bge_reranker.api.addresses import meant
from bge_reranker.api.dispatch import DIALECTS, ROUTES, candidates
from bge_reranker.configuration import load_settings
from bge_reranker.errors import SettingsError
from tests.live.server import LiveServer, live_server

from .statuses import status

TEXTS = {"query": "q", "texts": ["good"]}
PAGE = "https://search.example"


@pytest.mark.parametrize("path", ["/rerank/", "//rerank", "/v1//rerank///", "/dialects/tei//rerank/", "//"])
def test_slashes_that_clients_add_do_no_harm(server: LiveServer, path: str) -> None:
    answer = server.post(TEXTS, path=path)
    assert (answer.status_code, [item["index"] for item in answer.json()]) == (200, [0])


def test_probes_are_found_behind_added_slashes_on_both_listeners(server: LiveServer) -> None:
    for url in (server.url, server.management_url):
        assert httpx.get(url + "//health/").status_code == 200


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("/", "/"), ("", "/"), ("//", "/"), ("/a//b/", "/a/b"), ("/docs/", "/docs/"), ("HTTP://x/a", "/a")],
    ids=str,
)
def test_a_path_is_what_its_client_meant(path: str, wanted: str) -> None:
    assert meant(path) == wanted


@pytest.mark.parametrize(
    "path", ["/openai/v1/rerank", "/openai/rerank/", "//openai//rerank", "/openai/dialects/tei/rerank"]
)
def test_everything_is_served_below_what_gateways_leave_in_front(server: LiveServer, path: str) -> None:
    answer = server.post(TEXTS, path=path)
    assert (answer.status_code, [item["index"] for item in answer.json()]) == (200, [0])


@pytest.mark.parametrize(
    "path", ["/openai/v1/models", "/openai/health", "/openai/docs", "/openai/assets/page.css", "/openai"]
)
def test_probes_and_files_are_served_below_it_too(server: LiveServer, path: str) -> None:
    assert httpx.get(server.url + path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/openaix/rerank", "/openai/nowhere", "/x/openai/rerank", "/other/rerank", "/openai/openai/rerank"]
)
def test_no_other_beginning_of_a_path_is_taken_off(server: LiveServer, path: str) -> None:
    assert server.post(TEXTS, path=path).status_code == 404


def test_a_browser_stays_below_the_prefix(server: LiveServer) -> None:
    with httpx.Client(headers={"Accept": "text/html"}, follow_redirects=True) as browser:
        for path, place in (("", "/openai/"), ("/", "/openai/"), ("/dialects/tei/docs", "/openai/docs")):
            answer = browser.get(f"{server.url}/openai{path}")
            assert (answer.status_code, answer.url.path) == (200, place)


@pytest.fixture(scope="module")
def gateway_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("gateway"), {"path_prefixes": "/v1, /team/reranker,/dialects"}) as running:
        yield running


@pytest.mark.parametrize("path", ["/v1/rerank", "/v1/v1/rerank", "/team/reranker/rerank", "/dialects/tei/rerank"])
def test_the_server_s_own_paths_come_before_a_prefix(gateway_server: LiveServer, path: str) -> None:
    assert gateway_server.post(TEXTS, path=path).status_code == 200


def test_what_the_prefix_hides_is_guarded_as_ever(tmp_path: Path) -> None:
    with live_server(tmp_path, {"api_keys": "a-key-of-the-tests"}) as running:
        assert running.post(TEXTS, path="/openai/v1/rerank").status_code == 401


@pytest.mark.parametrize("prefixes", ["openai", "/", "/a/", "/a b", "/a,b", "", "//a", "/%2e"])
def test_what_is_no_prefix_of_a_path_is_refused(prefixes: str) -> None:
    with pytest.raises(SettingsError, match="pathPrefixes"):
        load_settings(flags={"path_prefixes": prefixes})


METHODS = {
    "/rerank": "OPTIONS, POST",
    "/": "GET, HEAD, OPTIONS, POST",
    "/health": "GET, HEAD, OPTIONS",
    "/v1/models/org/name": "GET, HEAD, OPTIONS",
    "/assets/page.css": "GET, HEAD, OPTIONS",
    "/dialects/tei/rerank": "OPTIONS, POST",
    "/v1/retrieval/nvidia/any/reranking": "OPTIONS, POST",
}


@pytest.mark.parametrize(("path", "methods"), METHODS.items(), ids=METHODS.keys())
def test_a_path_names_all_its_methods(server: LiveServer, path: str, methods: str) -> None:
    wrong, options = httpx.put(server.url + path), httpx.options(server.url + path)
    assert (wrong.status_code, wrong.headers["allow"], wrong.json()["code"]) == (405, methods, "MethodNotAllowed")
    assert (options.status_code, options.headers["allow"], options.content) == (204, methods, b"")


def test_options_of_an_unknown_path_is_404(server: LiveServer) -> None:
    assert httpx.options(server.url + "/nowhere").status_code == 404


@pytest.mark.parametrize("path", ["/info", "/metrics", "/openapi.json", "/api-doc/openapi.json", "/docs", "/meta", "/"])
def test_head_is_get_without_a_body(server: LiveServer, path: str) -> None:
    head, get = httpx.head(server.url + path), httpx.get(server.url + path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


def test_tei_clients_find_the_specification_where_tei_has_it(server: LiveServer) -> None:
    theirs, ours = httpx.get(server.url + "/api-doc/openapi.json"), httpx.get(server.url + "/openapi.json")
    assert theirs.json() == ours.json()


@pytest.mark.parametrize("route", [*ROUTES, "/tokenize", "/decode", "/v3/tokenize"])
def test_broken_json_is_422_unless_the_route_belongs_to_a_dialect(server: LiveServer, route: str) -> None:
    dialect = {"/tokenize": "tei", "/decode": "tei", "/v3/tokenize": "ovms"}.get(route)
    dialect = dialect or candidates(route, None).presumed.name
    answer = httpx.post(server.url + route, content=b'{"query": ')
    assert answer.status_code == status(dialect, "bad_json")
    assert answer.json()["code"] == "InvalidBody"
    if len(ROUTES.get(route, ())) == len(DIALECTS):
        assert answer.status_code == 422


@pytest.mark.parametrize("name", DIALECTS)
def test_broken_json_has_the_status_of_the_dialect_that_is_named(server: LiveServer, name: str) -> None:
    expected = status(name, "bad_json")
    by_header = httpx.post(server.url + "/rerank", content=b"[", headers={"X-Rerank-Dialect": name})
    by_prefix = httpx.post(f"{server.url}/dialects/{name}/rerank", content=b"[")
    assert (by_header.status_code, by_prefix.status_code) == (expected, expected)
    no_object = server.post([1], path=f"/dialects/{name}/rerank")
    assert (no_object.status_code, "candidates" in no_object.text) == (expected, False)


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("open"), {"allowed_origins": f"{PAGE}, http://localhost:3000"}) as running:
        yield running


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000"])
def test_a_page_of_an_allowed_origin_may_call_and_read_the_headers(open_server: LiveServer, origin: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-rerank-dialect",
    }
    preflight = httpx.options(open_server.url + "/rerank", headers=asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, origin)
    assert "x-rerank-dialect" in preflight.headers["access-control-allow-headers"]
    for body, expected in ((TEXTS, 200), ({"query": "q"}, 422)):
        answer = open_server.post(body, headers={"Origin": origin})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (expected, origin)
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


def test_a_page_of_another_origin_is_told_nothing(open_server: LiveServer, server: LiveServer) -> None:
    for running in (open_server, server):
        answer = running.post(TEXTS, headers={"Origin": "https://other.example"})
        assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (200, False)


def test_every_origin_is_allowed_by_an_asterisk(tmp_path: Path) -> None:
    with live_server(tmp_path, {"allowed_origins": "*"}) as running:
        answer = running.post(TEXTS, headers={"Origin": PAGE})
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("origins", ["search.example", "https://a.example/path", "*, https://a.example", ""])
def test_what_is_no_origin_is_refused_at_start(tmp_path: Path, origins: str) -> None:
    with pytest.raises(SettingsError, match="allowedOrigins"), live_server(tmp_path, {"allowed_origins": origins}):
        pass


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html, application/xhtml+xml, */*", True),
        ("text/html", True),
        ("text/*", True),
        ("", False),
        ("*/*", False),
        ("application/json, text/plain, */*", False),
        ("text/html;q=0, */*", False),
        ("text/html;q=0", False),
        ("text/html;q=0.1, application/json", False),
        ("application/json;q=0.1, TEXT/HTML ; Q=0.9", True),
        ("text/html, application/json", False),
        ("text/html;q=high", True),
        (";;,,q=", False),
    ],
)
def test_the_page_is_for_those_who_would_rather_have_html(server: LiveServer, accept: str, *, html: bool) -> None:
    assert prefers_html(accept) is html
    answer = httpx.get(server.url, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/html" if html else "application/json")
