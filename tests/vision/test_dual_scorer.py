"""Scores beside those of transformers' own loop over the same checkpoint."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bge_reranker.dual_loading import require_packages
from bge_reranker.errors import (
    DocumentTooLong,
    InvalidPicture,
    ModelError,
    PicturesNotServed,
    QueryTooLong,
    SettingsError,
)
from bge_reranker.loading import load_model
from bge_reranker.model.families.dual import KINDS
from bge_reranker.model.torch.linear import OneDnnLinear
from bge_reranker.model.transformers.fast_linears import FastLinears
from bge_reranker.ranking.ranking import Ranking
from bge_reranker.ranking.request import RankRequest
from bge_reranker.settings import ModelSettings, Settings

from .tiny import MEAN, SIDE, STD, WORDS, data_uri, file_of, picture, write_clip, write_siglip

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
        middle = 0.28 * model.logit_scale.exp()

    found = _rank(tmp_path, _request())

    assert found.logits == pytest.approx((expected - middle).numpy(), abs=1e-4)
    assert found.order() == expected.argsort(descending=True).tolist()


@pytest.mark.parametrize("beside", [None, {}, {"image_size": 8, "patch_size": 4, "max_position_embeddings": 99}])
def test_sizes_of_an_old_file_are_those_that_transformers_takes(tmp_path: Path, beside: Any) -> None:
    model = write_clip(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for key in ("text_config", "vision_config"):
        config[f"{key}_dict"], config[key] = config[key], beside
    path.write_text(json.dumps(config))
    loaded: Any = type(model).from_pretrained(tmp_path).config
    assert loaded.vision_config.image_size == SIDE
    with torch.no_grad():
        texts = model(input_ids=torch.tensor([[2, *[4] * 10, 3]]), pixel_values=_pixels()).logits_per_text[0]

    found = _rank(tmp_path, _request("one " * 50))

    assert np.diff(found.logits) == pytest.approx(np.diff(texts.numpy()), abs=1e-4)


@pytest.mark.parametrize("write", [write_clip, write_siglip])
def test_a_file_without_architectures_is_told_by_its_type(tmp_path: Path, write: Any) -> None:
    write(tmp_path)
    expected = _rank(tmp_path, _request()).logits
    _changed("config.json", architectures=None)(tmp_path)

    assert _rank(tmp_path, _request()).logits == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("patch", [8, 2])
def test_logits_of_siglip_are_those_of_transformers(tmp_path: Path, patch: int) -> None:
    model = write_siglip(tmp_path, patch)
    with torch.no_grad():
        expected = model(input_ids=_tokens(12), pixel_values=_pixels()).logits_per_text[0]

    assert _rank(tmp_path, _request()).logits == pytest.approx(expected.numpy(), abs=1e-4)


def test_the_calibration_of_config_json_counts_for_each_kind_of_pair(tmp_path: Path) -> None:
    lines = {"text_text": (3, 1), "text_image": (4, 2), "image_image": (5, -2)}
    calibration = {kind: {"slope": slope, "bias": bias} for kind, (slope, bias) in lines.items()}
    write_clip(tmp_path, pair_calibration=calibration)
    same = data_uri(file_of(PICTURES[0]))

    texts = _rank(tmp_path, RankRequest(CAPTION, [CAPTION, ""], pictures={1: same}))
    pictures = _rank(tmp_path, RankRequest("", ["", CAPTION], pictures={0: same}, query_pictures={0: same}))

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
        _rank(tmp_path, RankRequest("", [CAPTION], query_pictures={0: "data:image/png;base64,!"}))


def test_a_cross_encoder_refuses_pictures_by_name() -> None:
    with pytest.raises(PicturesNotServed, match=r"Document 0 is a picture .*cross-encoder"):
        _rank("demo", _request())


def test_one_scale_orders_texts_and_pictures_in_one_list(tmp_path: Path) -> None:
    write_clip(tmp_path)
    sources = {1: data_uri(file_of(PICTURES[0])), 3: data_uri(file_of(PICTURES[1]))}
    mixed = _rank(tmp_path, RankRequest(CAPTION, [CAPTION, "", "blue", ""], pictures=sources))

    texts = _rank(tmp_path, RankRequest(CAPTION, [CAPTION, "blue"]))
    pictures = _rank(tmp_path, RankRequest(CAPTION, ["", ""], pictures={0: sources[1], 1: sources[3]}))

    assert mixed.logits[[0, 2]] == pytest.approx(texts.logits, abs=1e-4)
    assert mixed.logits[[1, 3]] == pytest.approx(pictures.logits, abs=1e-4)


def test_a_text_longer_than_the_model_reads_is_cut_with_its_end_kept(tmp_path: Path) -> None:
    model = write_clip(tmp_path)
    long = "two " * 40
    tokens = torch.tensor([[2, *[WORDS.index("two")] * 10, 3]])
    with torch.no_grad():
        expected = model(input_ids=tokens, pixel_values=_pixels()).logits_per_text[0]
        middle = 0.28 * model.logit_scale.exp()

    found = _rank(tmp_path, _request(long))

    assert found.logits == pytest.approx((expected - middle).numpy(), abs=1e-4)
    assert found.truncated.all()


def test_a_text_that_is_too_long_is_refused_where_the_policy_says_so(tmp_path: Path) -> None:
    write_clip(tmp_path)

    with pytest.raises(DocumentTooLong, match="document 1 has more than 12 tokens"):
        _rank(tmp_path, RankRequest(CAPTION, ["one", "two " * 40], long_documents="reject"))
    with pytest.raises(QueryTooLong, match="the query has more than 12 tokens"):
        _rank(tmp_path, RankRequest("two " * 40, ["one"], long_documents="reject"))


def test_each_of_several_queries_is_compared_with_its_own_pictures(tmp_path: Path) -> None:
    write_clip(tmp_path)
    source = data_uri(file_of(PICTURES[0]))
    alone = [_rank(tmp_path, RankRequest(query, [""], pictures={0: source})).logits[0] for query in ("one", "blue")]

    request = RankRequest("one", ["", ""], queries=["one", "blue"], pictures={0: source, 1: source})

    assert _rank(tmp_path, request).logits == pytest.approx(alone, abs=1e-4)


def test_a_checkpoint_without_calibration_says_that_its_scale_is_assumed(tmp_path: Path) -> None:
    write_siglip(tmp_path)
    settings = Settings(model=ModelSettings(source=str(tmp_path), device="cpu"))
    with ThreadPoolExecutor(1) as executor:
        model = load_model(settings, {}, executor)
        notes = [str(note) for note in model.description.notes]
        model.close()

    assert [note for note in notes if "no pair_calibration: scores of two texts and of two pictures" in note]


def _without(name: str) -> Any:
    return lambda folder: (folder / name).unlink()


def _changed(name: str, **changes: Any) -> Any:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _without_tensor(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["visual_projection.weight"]
    save_file(tensors, path, {"format": "pt"})


def _cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _without_end(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"post_processor": None}))


BROKEN: dict[str, tuple[Any, str]] = {
    "no processor": (_without("preprocessor_config.json"), "no preprocessor_config.json"),
    "no tokenizer": (_without("tokenizer.json"), "has no tokenizer.json"),
    "another square": (_changed("preprocessor_config.json", size={"height": 8, "width": 8}), "no square of 16 pixels"),
    "not normalised": (_changed("preprocessor_config.json", do_normalize=False), "do_normalize is false"),
    "another factor": (
        _changed("preprocessor_config.json", rescale_factor=0.5),
        "rescale_factor is 0.5; expected 1/255",
    ),
    "not resized": (_changed("preprocessor_config.json", do_resize=False), "do_resize is false"),
    "null, which is not resized": (_changed("preprocessor_config.json", do_resize=None), "do_resize is null"),
    "not rescaled": (_changed("preprocessor_config.json", do_rescale=False), "do_rescale is false"),
    "padded": (_changed("preprocessor_config.json", do_pad=True), "do_pad is true"),
    "no square cut out": (
        _changed("preprocessor_config.json", size={"shortest_edge": SIDE}),
        "scales the shorter side to 16 pixels and cuts no square out (do_center_crop is false",
    ),
    "a longest edge": (
        _changed("preprocessor_config.json", size={"shortest_edge": 8, "longest_edge": SIDE}),
        "expected shortest_edge, or height and width, of 1 to 2048 pixels",
    ),
    "another processor": (
        _changed("preprocessor_config.json", image_processor_type="ViTImageProcessor"),
        "image_processor_type is 'ViTImageProcessor'; expected CLIPImageProcessor or SiglipImageProcessor",
    ),
    "a default square": (
        _changed("preprocessor_config.json", do_center_crop=True),
        "makes no square of 16 pixels, which config.json asks for: size {'height': 16, 'width': 16}, crop_size",
    ),
    "grey pictures": (
        _changed("config.json", vision_config={"image_size": SIDE, "patch_size": 8, "num_channels": 1}),
        "vision_config.num_channels is 1; pictures have 3 here",
    ),
    "another dual encoder": (
        _changed("config.json", architectures=["Siglip2Model"], model_type="siglip2"),
        "Siglip2Model is a model of pictures that is not served; expected one of CLIPModel, SiglipModel",
    ),
    "a part that is none": (_changed("config.json", text_config="clip"), "text_config is 'clip'; expected an object"),
    "no mean": (_changed("preprocessor_config.json", image_mean=[0.5]), "image_mean is [0.5]; expected three numbers"),
    "another type": (_changed("config.json", model_type="siglip"), "model_type is 'siglip'; expected 'clip'"),
    "half a calibration": (_changed("config.json", pair_calibration={"text_text": {}}), "pair_calibration needs"),
    "a calibration that turns the order around": (
        _changed("config.json", pair_calibration={kind: {"slope": -1, "bias": 0} for kind in KINDS}),
        "needs a positive `slope`",
    ),
    "a calibration beyond numbers": (
        _changed("config.json", pair_calibration={kind: {"slope": 1, "bias": 10**400} for kind in KINDS}),
        "needs a positive `slope`",
    ),
    "means beyond numbers": (
        _changed("preprocessor_config.json", image_mean=[10**400, 0, 0]),
        "expected three numbers",
    ),
    "patches larger than pictures": (
        _changed("config.json", vision_config={"image_size": 16, "patch_size": 32}),
        "patches of 32 pixels and pictures of 16",
    ),
    "no projection": (_without_tensor, "lack visual_projection.weight"),
    "half a file": (_cut_short, "model.safetensors"),
    "a tokenizer that ends no text": (_without_end, "adds no token to the end of a text"),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_checkpoint_is_refused_by_what_is_broken(tmp_path: Path, damage: Any, words: str) -> None:
    write_clip(tmp_path)
    damage(tmp_path)

    with pytest.raises(ModelError) as caught:
        _rank(tmp_path, _request())
    assert words in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"precision": "int8"}, "precision is int8, but CLIPModel is computed through transformers"),
        ({"precision": "fp8"}, "precision is fp8, but CLIPModel"),
        ({"bodies": "plain"}, "bodies is plain, but CLIPModel"),
    ],
)
def test_what_only_packed_networks_have_is_refused(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    write_clip(tmp_path)
    wanted = Settings(model=ModelSettings(source=str(tmp_path), **settings))

    with ThreadPoolExecutor(1) as executor, pytest.raises(SettingsError, match=words):
        load_model(wanted, {}, executor)


@pytest.mark.parametrize(("missing", "named"), [({"PIL"}, "Pillow"), ({"torch", "transformers", "PIL"}, "torch, ")])
def test_what_is_not_installed_is_named_with_the_remedy(missing: set[str], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        require_packages("CLIPModel", lambda name: name not in missing)
    assert f"CLIPModel is a dual encoder for pictures and texts, which needs {named}" in caught.value.message
    assert "bge-reranker[torch,vision]" in caught.value.remedy


def test_fast_linear_layers_compute_what_torch_s_do_and_can_be_taken_back(tmp_path: Path) -> None:
    model, pixels = write_clip(tmp_path), _pixels()
    with torch.inference_mode():
        expected = model.vision_model(pixel_values=pixels).pooler_output
        exchanged = FastLinears(model, OneDnnLinear())
        assert not [module for module in model.modules() if type(module) is torch.nn.Linear]
        fast = model.vision_model(pixel_values=pixels).pooler_output
        exchanged.take_back()
        again = model.vision_model(pixel_values=pixels).pooler_output

    assert fast.numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert torch.equal(again, expected)
