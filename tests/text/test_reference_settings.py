"""Settings beside tokenizer.json, compared with what transformers makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

from bge_reranker.errors import CorruptFile
from bge_reranker.settings import Preset, TextSettings
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.policy import resolve_policy

from .trained import FAMILIES

QUERY = "The Panda déjà"
DOCUMENT = "Eats 竹林 Bamboo  IN a forest Straße <s> </s> [SEP] the  <mask>  rice a<mask>b"
MODEL_TYPES = {"bert": "bert", "xlm_roberta": "xlm-roberta", "roberta": "roberta"}
BERT, XLMR = {"tokenizer_class": "BertTokenizer"}, {"tokenizer_class": "XLMRobertaTokenizer"}
ROBERTA = {"tokenizer_class": "RobertaTokenizer"}
GENERIC = {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "token_type_ids"]}
ADDED = {"content": "forest", "special": False, "lstrip": False, "rstrip": False, "normalized": True}

Json = dict[str, Any]
Edit = Callable[[Json], object]


def unchanged(_: Json) -> None:
    """A tokenizer.json as it is."""


def cased(tokenizer: Json) -> None:
    """A tokenizer.json that keeps capitals."""
    tokenizer["normalizer"]["lowercase"] = False


def flagged(**flags: bool) -> Json:
    """What tokenizer_config.json says of the token that masks, which tokenizer.json finds by other rules."""
    plain = {"special": True, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    return {"4": {**plain, "content": "<mask>", **flags}}


def checkpoint(
    folder: Path, family: str, options: Json, edit: Edit = unchanged, files: dict[str, Json] | None = None
) -> Path:
    content = json.loads(FAMILIES[family]())
    if family == "xlm_roberta":
        # Its class keeps no normalizer but a charsmap.
        content["normalizer"] = None
    edit(content)
    config = {"model_type": MODEL_TYPES[family], "type_vocab_size": 2 if family == "bert" else 1}
    written = {"tokenizer": content, "config": config, "tokenizer_config": options, **(files or {})}
    for name, values in written.items():
        (folder / f"{name}.json").write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize(
    ("family", "options", "edit"),
    [
        ("bert", {}, unchanged),
        ("bert", {**BERT, "do_lower_case": False}, unchanged),
        ("bert", {"do_lower_case": False}, unchanged),
        ("bert", {**BERT, "strip_accents": False}, unchanged),
        ("bert", {**BERT, "tokenize_chinese_chars": False}, unchanged),
        ("bert", {**BERT, "model_input_names": ["input_ids", "attention_mask"]}, unchanged),
        ("bert", {"tokenizer_class": "ElectraTokenizerFast"}, unchanged),
        # Classes that pass no segments, though the post-processor tells some.
        ("bert", {"tokenizer_class": "DistilBertTokenizer"}, unchanged),
        ("bert", {"tokenizer_class": "PreTrainedTokenizerFast"}, unchanged),
        ("bert", {"tokenizer_class": "ErnieTokenizer"}, unchanged),
        ("bert", {**BERT, "unk_token": "[MASK]"}, unchanged),
        ("bert", {**BERT, "split_special_tokens": True}, unchanged),
        ("bert", BERT, cased),
        ("bert", {**BERT, "do_lower_case": False}, cased),
        ("bert", {**BERT, "do_lower_case": True}, cased),
        ("bert", {**GENERIC, "do_lower_case": False}, unchanged),
        ("bert", GENERIC, cased),
        ("xlm_roberta", {**XLMR, "do_lower_case": True}, unchanged),
        ("xlm_roberta", {**XLMR, "split_special_tokens": True}, unchanged),
        ("xlm_roberta", {**XLMR, "cls_token": "<s>", "sep_token": "</s>"}, unchanged),
        ("roberta", {**ROBERTA, "add_prefix_space": False}, unchanged),
        ("roberta", {**ROBERTA, "split_special_tokens": True}, unchanged),
        ("xlm_roberta", {**XLMR, "added_tokens_decoder": flagged(lstrip=True)}, unchanged),
        ("xlm_roberta", {**XLMR, "added_tokens_decoder": flagged(rstrip=True)}, unchanged),
        ("roberta", {**ROBERTA, "added_tokens_decoder": flagged(lstrip=True, rstrip=True)}, unchanged),
        ("roberta", {**ROBERTA, "added_tokens_decoder": flagged(single_word=True)}, unchanged),
        ("xlm_roberta", {**GENERIC, "added_tokens_decoder": flagged(lstrip=True)}, unchanged),
    ],
)
def test_a_pair_has_the_tokens_that_transformers_gives_it(
    tmp_path: Path, family: str, options: Json, edit: Edit
) -> None:
    folder = checkpoint(tmp_path, family, options, edit)
    expected = transformers.AutoTokenizer.from_pretrained(folder)(QUERY, DOCUMENT)
    policy = resolve_policy(TextSettings(), 512)
    (pair,) = PairEncoder.from_directory(folder).encode(QUERY, [DOCUMENT], policy).documents[0].pairs
    assert pair.tokens.tolist() == expected["input_ids"]
    assert pair.types.tolist() == (expected.get("token_type_ids") or [0] * len(pair))


@pytest.mark.parametrize(
    ("family", "options", "words"),
    [
        ("xlm_roberta", {**XLMR, "add_prefix_space": False}, "add_prefix_space is False"),
        ("roberta", {**ROBERTA, "add_prefix_space": True}, "add_prefix_space is True"),
        ("roberta", {**ROBERTA, "added_tokens_decoder": {"1600": ADDED}}, "added_tokens_decoder"),
        ("xlm_roberta", {"tokenizer_class": "AlbertTokenizer", "do_lower_case": True}, "do_lower_case is True"),
        ("xlm_roberta", {"tokenizer_class": "AlbertTokenizer"}, "do_lower_case is True"),
        ("xlm_roberta", {"tokenizer_class": "AlbertTokenizer", "do_lower_case": False}, "keep_accents is False"),
        ("xlm_roberta", {"tokenizer_class": "DebertaV2Tokenizer", "split_by_punct": True}, "split_by_punct is True"),
        ("xlm_roberta", {**XLMR, "sep_token": "<mask>"}, "sep_token is '<mask>'"),
        ("xlm_roberta", {**XLMR, "cls_token": {"content": "<unk>"}}, "cls_token is '<unk>'"),
        ("bert", {**BERT, "do_lower_case": "no"}, "do_lower_case is no"),
        ("roberta", {**ROBERTA, "added_tokens_decoder": flagged(special=False)}, "special=False for '<mask>'"),
    ],
)
def test_a_setting_that_contradicts_the_tokenizer_is_refused_by_name(
    tmp_path: Path, family: str, options: Json, words: str
) -> None:
    with pytest.raises(CorruptFile, match=words) as caught:
        PairEncoder.from_directory(checkpoint(tmp_path, family, options))
    assert "tokenizer_config.json" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("side", "preset", "direction"),
    [
        ("left", "crossencoder", "left"),
        ("left", "flagreranker", "left"),
        ("left", "tei", "right"),
        ("right", "crossencoder", "right"),
        (None, "crossencoder", "right"),
    ],
)
def test_a_text_is_cut_at_the_side_that_the_presets_reference_cuts(
    tmp_path: Path, side: str | None, preset: Preset, direction: str
) -> None:
    encoder = PairEncoder.from_directory(checkpoint(tmp_path, "xlm_roberta", {**XLMR, "truncation_side": side}))
    assert encoder.settings.direction(preset) == direction


def test_a_pair_cut_on_the_left_is_the_one_of_transformers(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "xlm_roberta", {**XLMR, "truncation_side": "left"})
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    expected = tokenizer(QUERY, DOCUMENT, truncation="longest_first", max_length=20)["input_ids"]
    encoder = PairEncoder.from_directory(folder)
    policy = resolve_policy(TextSettings(), 20, encoder.settings.direction("crossencoder"))
    assert encoder.encode(QUERY, [DOCUMENT], policy).documents[0].pairs[0].tokens.tolist() == expected


@pytest.mark.parametrize("options", [XLMR, {**XLMR, "truncation_side": "right"}])
def test_a_side_that_tokenizer_json_names_counts_unless_another_is_set(tmp_path: Path, options: Json) -> None:
    cut = {"direction": "Left", "max_length": 9, "strategy": "LongestFirst", "stride": 0}
    folder = checkpoint(tmp_path, "xlm_roberta", options, lambda content: content.update(truncation=cut))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    expected = tokenizer(QUERY, DOCUMENT, truncation="longest_first", max_length=20)["input_ids"]
    encoder = PairEncoder.from_directory(folder)
    policy = resolve_policy(TextSettings(), 20, encoder.settings.direction("crossencoder"))
    assert encoder.encode(QUERY, [DOCUMENT], policy).documents[0].pairs[0].tokens.tolist() == expected


@pytest.mark.parametrize(("model_type", "second"), [("bert", 1), ("distilbert", 1), ("albert", 0), (None, 1)])
def test_a_model_type_stands_for_its_tokenizers_class_where_none_is_named(
    tmp_path: Path, model_type: str | None, second: int
) -> None:
    config = {"model_type": model_type, "type_vocab_size": 2}
    folder = checkpoint(tmp_path, "bert", {}, files={"config": config})
    (pair,) = (
        PairEncoder.from_directory(folder)
        .encode(QUERY, [DOCUMENT], resolve_policy(TextSettings(), 512))
        .documents[0]
        .pairs
    )
    assert pair.types[-1] == second


def test_an_option_that_is_set_nowhere_means_what_the_class_of_the_model_type_says(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "xlm_roberta", {}, files={"config": {"model_type": "albert", "type_vocab_size": 2}})
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(CorruptFile, match=r"do_lower_case is True \(AlbertTokenizer's own value.*expected False"):
        PairEncoder.from_directory(folder)


def test_an_added_token_that_the_class_would_not_know_is_refused(tmp_path: Path) -> None:
    def add(tokenizer: Json) -> None:
        tokenizer["added_tokens"].append({**ADDED, "id": 1600, "content": "bambus", "single_word": False})

    folder = checkpoint(tmp_path, "roberta", {**ROBERTA, "added_tokens_decoder": flagged()}, add)
    with pytest.raises(CorruptFile, match="added_tokens_decoder is without 'bambus'"):
        PairEncoder.from_directory(folder)


def test_a_token_that_special_tokens_map_names_otherwise_is_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "bert", BERT, files={"special_tokens_map": {"cls_token": "[MASK]"}})
    with pytest.raises(CorruptFile, match=r"special_tokens_map.json: cls_token is '\[MASK\]'"):
        PairEncoder.from_directory(folder)


def test_a_side_that_is_none_is_refused(tmp_path: Path) -> None:
    encoder = PairEncoder.from_directory(checkpoint(tmp_path, "xlm_roberta", {"truncation_side": "middle"}))
    with pytest.raises(CorruptFile, match="truncation_side is middle"):
        encoder.settings.direction("crossencoder")


@pytest.mark.parametrize(
    ("files", "preset", "tokens"),
    [
        ({"sentence_bert_config": {"max_seq_length": 128}}, "tei", 128),
        ({"sentence_xlm-roberta_config": {"max_seq_length": 64}}, "tei", 64),
        ({"sentence_bert_config": {"max_seq_length": 128}}, "crossencoder", 256),
        ({"sentence_bert_config": {"max_seq_length": 128}, "modules": {}}, "crossencoder", 128),
        ({"sentence_bert_config": {"max_seq_length": 128}, "modules": {}}, "flagreranker", 256),
        ({"sentence_bert_config": {"max_seq_length": None}}, "tei", 256),
        ({}, "tei", 256),
    ],
)
def test_sentence_transformers_own_limit_holds_under_the_presets_whose_reference_reads_it(
    tmp_path: Path, files: dict[str, Json], preset: Preset, tokens: int
) -> None:
    folder = checkpoint(tmp_path, "xlm_roberta", {"model_max_length": 256}, files=files)
    assert PairEncoder.from_directory(folder).settings.max_pair_tokens(preset) == tokens


def test_lower_case_of_sentence_transformers_is_refused_where_the_tokenizer_keeps_capitals(tmp_path: Path) -> None:
    files: dict[str, Json] = {"sentence_bert_config": {"do_lower_case": True}, "modules": {}}
    with pytest.raises(CorruptFile, match="do_lower_case of sentence-transformers"):
        PairEncoder.from_directory(checkpoint(tmp_path, "xlm_roberta", {}, files=files))
