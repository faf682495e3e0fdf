"""Scores beside those of transformers' own loop over the same checkpoint."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bge_reranker.errors import CorruptFile, InvalidPicture, PicturesNotServed
from bge_reranker.loading import load_model
from bge_reranker.ranking.ranking import Ranking
from bge_reranker.ranking.request import RankRequest
from bge_reranker.settings import ModelSettings, Settings

from .tiny import MEAN, STD, WORDS, data_uri, file_of, picture, write_clip, write_siglip

CAPTION = "two red circle"
PICTURES = [picture(seed) for seed in range(5)]


def _rank(folder: str | Path, request: RankRequest) -> Ranking:
    settings = Settings(model=ModelSettings(source=str(folder), device="cpu"))
    with ThreadPoolExecutor(1) as executor:
        model = load_model(settings, {}, executor)
        try:
            return model.ranker.rank(request, 30)
        finally:
            model.close()


def _request(query: str = CAPTION, **more: Any) -> RankRequest:
    sources = {index: data_uri(file_of(image)) for index, image in enumerate(PICTURES)}
    return RankRequest(query, [""] * len(PICTURES), pictures=sources, **more)


def _pixels() -> torch.Tensor:
    values = np.stack([np.asarray(image) for image in PICTURES]) / 255
    return torch.from_numpy(((values - MEAN) / STD).transpose(0, 3, 1, 2)).float()


def _tokens(width: int | None = None) -> torch.Tensor:
    tokens = [2, *(WORDS.index(word) for word in CAPTION.split()), 3]
    return torch.tensor([tokens + [0] * ((width or len(tokens)) - len(tokens))])


def test_logits_of_clip_are_those_of_transformers_less_the_middle(tmp_path: Path) -> None:
    model = write_clip(tmp_path)
    with torch.no_grad():
        expected = model(input_ids=_tokens(), pixel_values=_pixels()).logits_per_text[0]
        middle = 0.25 * model.logit_scale.exp()

    found = _rank(tmp_path, _request())

    assert found.logits == pytest.approx((expected - middle).numpy(), abs=1e-4)
    assert found.order() == expected.argsort(descending=True).tolist()


def test_logits_of_siglip_are_those_of_transformers(tmp_path: Path) -> None:
    model = write_siglip(tmp_path)
    with torch.no_grad():
        expected = model(input_ids=_tokens(12), pixel_values=_pixels()).logits_per_text[0]

    assert _rank(tmp_path, _request()).logits == pytest.approx(expected.numpy(), abs=1e-4)


def test_the_calibration_of_config_json_counts_for_each_kind_of_pair(tmp_path: Path) -> None:
    lines = {"text_text": (3, 1), "text_image": (4, 2), "image_image": (5, -2)}
    calibration = {kind: {"slope": slope, "bias": bias} for kind, (slope, bias) in lines.items()}
    write_clip(tmp_path, pair_calibration=calibration)
    same = data_uri(file_of(PICTURES[0]))

    texts = _rank(tmp_path, RankRequest(CAPTION, [CAPTION, ""], pictures={1: same}))
    pictures = _rank(tmp_path, RankRequest("", ["", CAPTION], pictures={0: same}, query_picture=same))

    assert texts.logits[0] == pytest.approx(4, abs=1e-4)
    assert pictures.logits[0] == pytest.approx(3, abs=1e-4)
    assert texts.logits[1] == pytest.approx(pictures.logits[1], abs=1e-4)


def test_a_picture_that_cannot_be_read_costs_the_others_nothing(tmp_path: Path) -> None:
    write_clip(tmp_path)
    whole, request = _rank(tmp_path, _request()), _request()
    sources = dict(request.pictures) | {1: "data:image/png;base64,AAAA", 3: "https://example.com/a.png"}

    found = _rank(tmp_path, RankRequest(CAPTION, [""] * 5, pictures=sources))

    assert {index: error.code for index, error in found.errors.items()} == {1: "InvalidPicture", 3: "InvalidPicture"}
    assert found.logits[[0, 2, 4]] == pytest.approx(whole.logits[[0, 2, 4]], abs=1e-5)


def test_a_query_that_cannot_be_read_fails_the_request(tmp_path: Path) -> None:
    write_clip(tmp_path)

    with pytest.raises(InvalidPicture, match="base64 is damaged"):
        _rank(tmp_path, RankRequest("", [CAPTION], query_picture="data:image/png;base64,!"))


def test_a_cross_encoder_refuses_pictures_by_name() -> None:
    with pytest.raises(PicturesNotServed, match="cross-encoder"):
        _rank("demo", _request())


def test_a_dual_encoder_without_its_processor_is_refused_by_the_file(tmp_path: Path) -> None:
    write_clip(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()

    with pytest.raises(CorruptFile, match=r"no preprocessor_config\.json"):
        _rank(tmp_path, _request())
