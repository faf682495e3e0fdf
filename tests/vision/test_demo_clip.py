"""The embedded dual encoder on scenes that it was not trained on, through the ranker that serves it."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

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


def _logits(ranker: Ranker, query: str, sources: list[str]) -> NDArray[np.float32]:
    return ranker.rank(RankRequest(query, [""] * len(sources), pictures=dict(enumerate(sources))), 60).logits


def test_the_folder_is_small_and_holds_no_pickle() -> None:
    files = [path for path in Path(demo_clip_directory()).rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    assert {path.suffix for path in files} == {".json", ".safetensors", ".md"}


def test_no_caption_of_the_test_was_trained_on() -> None:
    assert not set(TRAINED) & set(HELD_OUT)


def test_unseen_captions_find_their_picture_among_ten_nine_times_in_ten_and_always_the_same(ranker: Ranker) -> None:
    draw = random.Random(2026)
    hits = 0
    for turn, scene in enumerate(HELD_OUT):
        listed = candidates(scene, TRAINED + HELD_OUT, draw)
        assert [_differences(scene, other) == 1 for other in listed] == [False] + [True] * 5 + [False] * 4
        caption, sources = scene.caption(turn % TEMPLATES), [_drawn(other, draw) for other in listed]
        logits = _logits(ranker, caption, sources)
        hits += int(np.argmax(logits)) == 0
        if turn == 0:
            assert _logits(ranker, caption, sources) == pytest.approx(logits, abs=1e-4)

    assert hits / len(HELD_OUT) >= WANTED_SHARE


def test_scores_of_texts_and_pictures_are_chances_that_both_show_the_same(ranker: Ranker) -> None:
    draw = random.Random(5)
    asked = [scene for scene in HELD_OUT for _ in range(2)]
    shown = [scene if place % 2 == 0 else _another(scene, draw) for place, scene in enumerate(asked)]
    queries = [scene.caption(0) for scene in asked]
    pictures = {place: _drawn(scene, draw) for place, scene in enumerate(shown)}

    for documents, sources in (([""] * len(shown), pictures), ([scene.caption(1) for scene in shown], {})):
        request = RankRequest(queries[0], documents, queries=queries, pictures=sources)
        _refuse_other_chances(ranker.rank(request, 60).logits, [1, 0] * len(HELD_OUT))


def test_scores_of_two_pictures_are_chances_that_both_show_the_same(ranker: Ranker) -> None:
    draw = random.Random(6)
    logits: list[float] = []
    for scene in HELD_OUT[:20]:
        sources = dict(enumerate([_drawn(scene, draw), _drawn(_another(scene, draw), draw)]))
        request = RankRequest("", ["", ""], pictures=sources, query_pictures={0: _drawn(scene, draw)})
        logits += ranker.rank(request, 60).logits.tolist()

    _refuse_other_chances(np.array(logits), [1, 0] * 20)


def _another(scene: Scene, draw: random.Random) -> Scene:
    return draw.choice([other for other in HELD_OUT if other != scene])


def _refuse_other_chances(logits: NDArray[np.floating[Any]], same: list[int]) -> None:
    scores = 1 / (1 + np.exp(-logits))
    assert abs(float(np.mean(scores)) - 0.5) < MAX_CALIBRATION_ERROR
    assert float(np.mean((scores > 0.5) == np.array(same))) > WANTED_SHARE


def test_a_picture_among_others_gets_the_logit_that_it_gets_alone_within_the_bound_of_the_docs(ranker: Ranker) -> None:
    draw = random.Random(7)
    sources = [_drawn(draw.choice(HELD_OUT), draw) for _ in range(101)]
    caption = HELD_OUT[0].caption()
    together = {count: _logits(ranker, caption, sources[:count]) for count in (4, 17, 101)}

    for place, source in enumerate(sources[:4]):
        alone = _logits(ranker, caption, [source])[0]
        assert max(abs(logits[place] - alone) for logits in together.values()) <= 1e-5


def test_a_picture_reads_the_same_from_every_format_without_loss(ranker: Ranker) -> None:
    image = draw_scene(HELD_OUT[0], random.Random(1))
    written = io.BytesIO()
    image.save(written, "WEBP", lossless=True)
    sources = [data_uri(file_of(image, kind), kind.lower()) for kind in ("PNG", "BMP")] + [
        data_uri(written.getvalue(), "webp")
    ]

    logits = _logits(ranker, HELD_OUT[0].caption(), sources)

    assert logits == pytest.approx(logits[0], abs=1e-5)
