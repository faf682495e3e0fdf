"""Pictures over HTTP, in the dialects that take them, ranked by the embedded dual encoder."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from demo_clip.pictures import draw_scene
from demo_clip.scenes import Scene
from tests.live.server import LiveServer, live_server

from .picture_server import picture_server
from .tiny import data_uri, file_of, picture

SCENES = [
    Scene(2, "red", "circle", "white"),
    Scene(2, "blue", "circle", "white"),
    Scene(1, "green", "cross", "black"),
]
CAPTIONS = [scene.caption() for scene in SCENES]
FILES = [file_of(draw_scene(scene, random.Random(3))) for scene in SCENES]
PICTURES = [{"image": data_uri(content)} for content in FILES]
ANIMATED = {"image": data_uri(file_of(picture(1), "GIF", save_all=True, append_images=[picture(2), picture(3)]), "gif")}


@pytest.fixture(scope="module")
def dual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    flags = {"score_cache_bytes": 1_000_000, "max_picture_pixels": 100_000}
    with live_server(tmp_path_factory.mktemp("dual"), flags, model_source="demo-clip") as running:
        yield running


def _native(server: LiveServer, query: Any, *candidates: Any, **more: Any) -> dict[str, Any]:
    answer = server.post({"query": query, "candidates": list(candidates), **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _jina(server: LiveServer, query: Any, *documents: Any, **more: Any) -> dict[str, Any]:
    answer = server.post({"model": "demo-clip", "query": query, "documents": list(documents), **more}, "/v1/rerank")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("wanted", range(3))
def test_a_text_finds_its_picture_in_both_dialects(dual: LiveServer, wanted: int) -> None:
    native, jina = _native(dual, CAPTIONS[wanted], *PICTURES), _jina(dual, CAPTIONS[wanted], *PICTURES)

    assert native["results"][0]["index"] == jina["results"][0]["index"] == wanted
    assert native["results"][0]["score"] == pytest.approx(jina["results"][0]["relevance_score"])


def test_pictures_objects_with_a_text_and_plain_texts_are_ranked_in_one_list(dual: LiveServer) -> None:
    documents = [PICTURES[1], {"text": CAPTIONS[2]}, PICTURES[0], CAPTIONS[0]]

    for scores in (
        {found["index"]: found["score"] for found in _native(dual, CAPTIONS[0], *documents)["results"]},
        {found["index"]: found["relevance_score"] for found in _jina(dual, CAPTIONS[0], *documents)["results"]},
    ):
        assert min(scores[2], scores[3]) > 0.5 > max(scores[0], scores[1])


def test_a_picture_beside_an_empty_text_is_the_picture(dual: LiveServer) -> None:
    for both in ({**PICTURES[0], "text": ""}, {**PICTURES[0], "text": None}):
        alone, beside = (_native(dual, CAPTIONS[0], each)["results"][0]["score"] for each in (PICTURES[0], both))
        assert beside == pytest.approx(alone)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rerank", {"query": "a", "texts": [{"image": "data:"}]}),
        ("/score", {"model": "demo-clip", "text_1": "a", "text_2": [{"image": "data:"}]}),
        ("/predict", {"inputs": [["a", {"image": "data:"}]]}),
    ],
)
def test_where_no_pictures_are_read_a_picture_is_told_where_they_are(
    dual: LiveServer, path: str, body: dict[str, Any]
) -> None:
    answer = dual.post(body, path)

    assert answer.status_code in {400, 422}
    assert "is read in `documents`, `candidates` and `passages`" in answer.text


@pytest.mark.parametrize("beside", [{}, {"rank_fields": ["title"]}, {"max_chunks_per_doc": 4}, {"truncation": False}])
def test_whatever_stands_beside_them_pictures_in_documents_are_read(dual: LiveServer, beside: dict[str, Any]) -> None:
    found = _jina(dual, CAPTIONS[1], *PICTURES, {"title": "a cheese", "text": "a cheese"}, **beside)

    best = max(found.get("results") or found["data"], key=lambda result: result["relevance_score"])
    assert best["index"] == 1


@pytest.mark.parametrize(
    ("path", "body", "results", "score"),
    [
        ("/v2/rerank", {"model": "demo-clip", "documents": PICTURES}, "results", "relevance_score"),
        ("/dialects/vllm/rerank", {"model": "demo-clip", "documents": PICTURES}, "results", "relevance_score"),
        ("/v1/ranking", {"model": "demo-clip", "passages": PICTURES}, "rankings", "logit"),
    ],
)
def test_other_dialects_with_objects_read_pictures_too(
    dual: LiveServer, path: str, body: dict[str, Any], results: str, score: str
) -> None:
    query: Any
    for query in (CAPTIONS[2], PICTURES[2]) if path != "/v2/rerank" else (CAPTIONS[2],):
        answer = dual.post({"query": query, **body}, path)

        assert answer.status_code == 200, answer.text
        assert max(answer.json()[results], key=lambda result: result[score])["index"] == 2


def test_a_document_whose_fields_are_read_is_its_text_whatever_picture_lies_beside(dual: LiveServer) -> None:
    with_picture = [{**PICTURES[0], "title": caption} for caption in CAPTIONS]

    found = _jina(dual, CAPTIONS[2], *with_picture, rank_fields=["title"])

    assert found["results"][0]["index"] == 2


def test_a_picture_is_asked_for_texts_and_pictures(dual: LiveServer) -> None:
    again = {"image": data_uri(file_of(draw_scene(SCENES[1], random.Random(8))))}
    documents = [CAPTIONS[0], CAPTIONS[1], PICTURES[2], again]

    for found in (_native(dual, PICTURES[1], *documents), _jina(dual, PICTURES[1], *documents)):
        assert {result["index"] for result in found["results"][:2]} == {1, 3}


def test_jina_gives_the_picture_back_as_it_was_sent(dual: LiveServer) -> None:
    documents = [PICTURES[0], CAPTIONS[1]]

    returned = _jina(dual, CAPTIONS[0], *documents, return_documents=True)["results"]

    assert {result["index"]: result["document"] for result in returned} == {0: PICTURES[0], 1: {"text": CAPTIONS[1]}}


def test_several_queries_have_pictures_of_their_own(dual: LiveServer) -> None:
    requests = [{"query": caption, "candidates": PICTURES} for caption in CAPTIONS[:2]]

    first, second = dual.post({"requests": requests}).json()["responses"]

    assert (first["results"][0]["index"], second["results"][0]["index"]) == (0, 1)


def test_several_queries_may_be_pictures_and_one_that_cannot_be_read_costs_its_own_candidates(dual: LiveServer) -> None:
    queries = [PICTURES[0], CAPTIONS[1], ANIMATED]

    answer = dual.post({"requests": [{"query": query, "candidates": CAPTIONS} for query in queries]}).json()

    first, second, third = answer["responses"]
    assert (first["results"][0]["index"], second["results"][0]["index"], third["results"]) == (0, 1, [])
    assert [error["index"] for error in answer["errors"]] == [6, 7, 8]
    assert answer["errors"][0]["message"].startswith("`query.image`: The picture is animated")


BAD: dict[str, tuple[Any, str, str]] = {
    "animated": (ANIMATED, "InvalidPicture", "animated: it has several frames"),
    "too many pixels": (
        {"image": data_uri(file_of(picture(1, (400, 300))))},
        "InvalidPicture",
        "400 x 300 pixels; the limit is 100000 in all (pictures.maxPicturePixels)",
    ),
    "no picture": ({"image": data_uri(b"<svg/>")}, "InvalidPicture", "PNG, JPEG, WEBP, GIF, BMP"),
    "damaged": ({"image": data_uri(FILES[0][:-40])}, "InvalidPicture", "damaged"),
    "empty": ({"image": "data:image/png;base64,"}, "InvalidPicture", "empty: it has no bytes"),
    "no source": ({"image": ""}, "InvalidPicture", "`image` is empty"),
    "null": ({"image": None}, "InvalidPicture", "`image` must be a string, not null."),
    "a number": ({"image": 7}, "InvalidPicture", "`image` must be a string, not a number."),
    "an object": ({"image": {"url": "data:"}}, "InvalidPicture", "`image` must be a string, not an object."),
    "sent as a text": (PICTURES[0]["image"], "InvalidPicture", "a text that holds a picture as data URI"),
    "fetching is off": ({"image": "https://example.com/a.png"}, "InvalidPicture", "pictures.fetchPictures is off"),
}


@pytest.mark.parametrize(("bad", "code", "words"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_with_a_picture_costs_its_own_score_alone(
    dual: LiveServer, bad: Any, code: str, words: str
) -> None:
    for found in (
        _native(dual, CAPTIONS[0], PICTURES[0], bad, "text"),
        _jina(dual, CAPTIONS[0], PICTURES[0], bad, "text"),
    ):
        assert [result["index"] for result in found["results"]] == [0, 2]
        (error,) = found["errors"]
        assert (error["index"], error["code"]) == (1, code)
        assert words in error["message"]


def test_a_query_that_is_no_picture_fails_the_request_by_name(dual: LiveServer) -> None:
    answer = dual.post({"query": ANIMATED, "candidates": ["a"]})

    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidPicture")
    assert answer.json()["message"].startswith("`query.image`: The picture is animated")


@pytest.mark.parametrize("source", ["", None, 7, ["data:"]])
def test_a_query_that_has_no_source_fails_the_request_by_name(dual: LiveServer, source: Any) -> None:
    answer = dual.post({"query": {"image": source}, "candidates": ["a"]})

    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidPicture")
    assert answer.json()["message"].startswith("`query.image`: `image` ")


def test_no_picture_beside_a_text_is_the_text(dual: LiveServer) -> None:
    found = _native(dual, CAPTIONS[0], {"text": CAPTIONS[0], "image": None}, {"text": "", "image": None})

    assert [result["index"] for result in found["results"]] == [0, 1]


def test_a_query_that_is_a_picture_as_text_is_not_read_as_words(dual: LiveServer) -> None:
    answer = dual.post({"query": PICTURES[0]["image"], "candidates": PICTURES})

    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidPicture")
    assert '{"image": "data:..."}' in answer.json()["message"]


def test_what_bounds_pairs_does_not_apply_and_what_bounds_texts_does(dual: LiveServer) -> None:
    def score(**more: Any) -> float:
        found: float = _native(dual, "two red circles on white and much more", CAPTIONS[0], **more)["results"][0][
            "score"
        ]
        return found

    assert score() == score(max_pair_tokens=5) == score(preset="tei", truncation="only_second")
    short = _native(dual, "two red circles", CAPTIONS[0])["results"][0]["score"]
    assert score(max_query_tokens=3) == pytest.approx(short, abs=1e-6) != score()
    cut = _jina(dual, CAPTIONS[0], CAPTIONS[0], "two red circles and more", max_tokens_per_doc=3)["results"]
    whole = _jina(dual, CAPTIONS[0], CAPTIONS[0], "two red circles")["results"]
    assert cut[-1]["relevance_score"] == pytest.approx(whole[-1]["relevance_score"], abs=1e-6)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"picture": "data:"}, "`candidates[1]"),
        ({"image_url": {"url": "data:"}}, 'a picture as {"image": "data:image/png;base64,..."}'),
        ({"content": [{"type": "image_url"}]}, 'a picture as {"image": "data:image/png;base64,..."}'),
    ],
)
def test_what_is_neither_a_text_nor_a_picture_is_refused_by_its_field(
    dual: LiveServer, document: Any, words: str
) -> None:
    answer = dual.post({"query": "a", "candidates": ["a", document]})

    assert answer.status_code == 422
    assert words in answer.json()["message"]


def test_a_server_of_texts_refuses_a_picture_by_its_place_and_says_who_reads_it(server: LiveServer) -> None:
    for body in (
        {"query": "q", "candidates": ["good", PICTURES[0]]},
        {"query": "q", "documents": ["good", PICTURES[0]], "model": "demo"},
    ):
        answer = server.post(body, "/v1/rerank" if "model" in body else "/rerank")
        assert answer.status_code == 422
        assert "Document 1 is a picture (`image`)" in answer.text
        assert "CLIPModel, SiglipModel" in answer.text


def test_known_scores_are_of_texts_and_never_stand_in_for_a_picture_s(dual: LiveServer) -> None:
    asked = ([CAPTIONS[1], CAPTIONS[2]], [PICTURES[0], PICTURES[1]], [PICTURES[2], PICTURES[0]])

    first, again = ([_native(dual, CAPTIONS[0], *documents) for documents in asked] for _ in range(2))

    for once, twice in zip(first, again, strict=True):
        scores = [result["score"] for result in once["results"]]
        assert [result["score"] for result in twice["results"]] == pytest.approx(scores, abs=1e-5)
    texts, pictures, others = ([result["score"] for result in found["results"]] for found in first)
    assert len({f"{score:.3g}" for score in [*texts, *pictures, *others]}) == 5
    assert pictures[0] == pytest.approx(others[0], abs=1e-5)


def test_info_says_how_a_cosine_becomes_a_score_for_each_kind_of_pair(dual: LiveServer) -> None:
    info = httpx.get(f"{dual.url}/info").json()

    assert set(info["scorer"]["calibration"]) == {"text_text", "text_image", "image_image"}


def test_texts_can_be_shown_as_tokens(dual: LiveServer) -> None:
    tokens = dual.post({"inputs": "two red circles"}, "/tokenize").json()[0]

    assert [token["text"] for token in tokens if not token["special"]] == ["two", "red", "circles"]


def test_pictures_are_fetched_where_that_is_allowed_and_what_is_away_costs_its_own_score(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    flags = {"fetch_pictures": "all", "max_picture_bytes": 10_000}
    with (
        picture_server() as port,
        live_server(tmp_path_factory.mktemp("fetching"), flags, model_source="demo-clip") as running,
    ):
        addresses = [{"image": f"http://127.0.0.1:{port}{path}"} for path in ("/picture", "/none", "/large", "/moved")]
        found = _jina(running, CAPTIONS[0], *addresses, PICTURES[0])

    assert found["results"][0]["index"] == 4
    assert {result["index"] for result in found["results"]} == {0, 3, 4}
    assert [(error["index"], error["code"]) for error in found["errors"]] == [
        (1, "PictureUnavailable"),
        (2, "PictureUnavailable"),
    ]


def test_a_picture_that_never_arrives_leaves_time_to_rank_the_others(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        live_server(tmp_path_factory.mktemp("late"), {"fetch_pictures": "all"}, model_source="demo-clip") as running,
    ):
        away = {"image": f"http://127.0.0.1:{silent.getsockname()[1]}/"}
        body = {"query": CAPTIONS[0], "candidates": ["a text", PICTURES[0], away]}
        answer = running.post(body, "/rerank", headers={"X-Request-Deadline-Ms": "3000"})

    assert answer.status_code == 200, answer.text
    assert {result["index"] for result in answer.json()["results"]} == {0, 1}
    assert [(error["index"], error["code"]) for error in answer.json()["errors"]] == [(2, "PictureUnavailable")]


def test_a_server_that_fetches_from_public_addresses_reaches_nobody_in_this_network(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with (
        picture_server() as port,
        live_server(
            tmp_path_factory.mktemp("public"), {"fetch_pictures": "public"}, model_source="demo-clip"
        ) as running,
    ):
        hosts = ("localhost:80", "127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", f"127.0.0.1:{port}")
        found = _native(running, CAPTIONS[0], "text", *({"image": f"http://{host}/picture"} for host in hosts))

    assert [result["index"] for result in found["results"]] == [0]
    assert [error["code"] for error in found["errors"]] == ["PictureUnavailable"] * len(hosts)
    assert all("not public" in error["message"] for error in found["errors"][:-1])
    assert "80 and 443 are allowed" in found["errors"][-1]["message"]
