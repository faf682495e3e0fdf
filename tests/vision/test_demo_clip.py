"""The embedded dual encoder on scenes that it was not trained on, through the ranker that serves it."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bge_reranker.demo import demo_clip_directory
from bge_reranker.loading import load_model
from bge_reranker.ranking.ranker import Ranker
from bge_reranker.ranking.request import RankRequest
from bge_reranker.settings import ModelSettings, Settings
from demo_clip.pictures import draw_scene
from demo_clip.scenes import TEMPLATES, Scene, candidates, split_scenes

from .tiny import data_uri, file_of

MAX_BYTES = 10_000_000
WANTED_SHARE = 0.9
MAX_CALIBRATION_ERROR = 0.1
LISTS = 2
"""Lists of ten for each scene that was held out."""

TRAINED, HELD_OUT = split_scenes()


@pytest.fixture(scope="module")
def ranker() -> Iterator[Ranker]:
    settings = Settings(model=ModelSettings(source="demo-clip", device="cpu"))
    with ThreadPoolExecutor(1) as executor:
        model = load_model(settings, {}, executor)
        yield model.ranker
        model.close()


def _drawn(scene: Scene, draw: random.Random) -> str:
    return data_uri(file_of(draw_scene(scene, draw)))


def _differences(scene: Scene, other: Scene) -> int:
    return sum(one != two for one, two in zip(scene.attributes(), other.attributes(), strict=True))


def _logits(ranker: Ranker, query: str, sources: list[str]) -> np.ndarray:
    return ranker.rank(RankRequest(query, [""] * len(sources), pictures=dict(enumerate(sources))), 60).logits


def test_the_folder_is_small_and_holds_no_pickle() -> None:
    files = [path for path in Path(demo_clip_directory()).rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    assert {path.suffix for path in files} == {".json", ".safetensors", ".md"}


def test_no_caption_of_the_test_was_trained_on() -> None:
    assert not set(TRAINED) & set(HELD_OUT)


def test_unseen_captions_find_their_picture_among_ten_nine_times_in_ten_and_always_the_same(ranker: Ranker) -> None:
    draw = random.Random(2026)
    hits, first = 0, np.zeros(0)
    for turn in range(LISTS):
        for scene in HELD_OUT:
            listed = candidates(scene, TRAINED + HELD_OUT, draw)
            assert [_differences(scene, other) == 1 for other in listed] == [False] + [True] * 5 + [False] * 4
            sources = [_drawn(other, draw) for other in listed]
            logits = _logits(ranker, scene.caption(turn % TEMPLATES), sources)
            hits += int(np.argmax(logits)) == 0
            if not len(first):
                first = logits
                assert np.array_equal(_logits(ranker, scene.caption(turn % TEMPLATES), sources), first)

    assert hits / (LISTS * len(HELD_OUT)) >= WANTED_SHARE


def test_scores_of_all_kinds_of_pairs_are_chances_that_both_show_the_same(ranker: Ranker) -> None:
    draw = random.Random(5)
    for kind in ("text_image", "text_text", "image_image"):
        scores, same = [], []
        for scene in HELD_OUT:
            other = draw.choice([each for each in HELD_OUT if each != scene])
            shown = [scene, other]
            documents = [""] * 2 if kind != "text_text" else [each.caption(1) for each in shown]
            pictures = {} if kind == "text_text" else {index: _drawn(each, draw) for index, each in enumerate(shown)}
            asked = _drawn(scene, draw) if kind == "image_image" else None
            query = "" if asked else scene.caption(0)
            logits = ranker.rank(RankRequest(query, documents, pictures=pictures, query_picture=asked), 60).logits
            scores += list(1 / (1 + np.exp(-logits)))
            same += [1, 0]

        assert abs(np.mean(scores) - 0.5) < MAX_CALIBRATION_ERROR, kind
        assert np.mean((np.array(scores) > 0.5) == np.array(same)) > WANTED_SHARE, kind


def test_a_picture_reads_the_same_from_every_format_without_loss(ranker: Ranker) -> None:
    image = draw_scene(HELD_OUT[0], random.Random(1))
    written = io.BytesIO()
    image.save(written, "WEBP", lossless=True)
    sources = [data_uri(file_of(image, kind), kind.lower()) for kind in ("PNG", "BMP")] + [
        data_uri(written.getvalue(), "webp")
    ]

    logits = _logits(ranker, HELD_OUT[0].caption(), sources)

    assert logits == pytest.approx(logits[0], abs=1e-5)
