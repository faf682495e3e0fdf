"""Parts of tokenizer.json that transformers builds anew, compared with what it makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

from bge_reranker.errors import CorruptFile
from bge_reranker.settings import TextSettings
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.policy import resolve_policy

from .test_reference_settings import BERT, ROBERTA, XLMR, checkpoint

QUERY = "  The Panda\tdéjà "
DOCUMENT = "Eats  竹林 Bamboo   IN\n\na forest\u3000Straße the rice  "
SPACES = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
MARKS = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}
STRIP = {"type": "Strip", "strip_left": False, "strip_right": True}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
FIRST = {**METASPACE, "prepend_scheme": "first"}
CASED = {
    "type": "BertNormalizer",
    "clean_text": False,
    "handle_chinese_chars": False,
    "strip_accents": None,
    "lowercase": False,
}
SPLIT = {"type": "WhitespaceSplit"}

Json = dict[str, Any]
Edit = Callable[[Json], object]


def sequence(kind: str, *steps: Json) -> Json:
    """Several normalizers or pre-tokenizers."""
    return {"type": "Sequence", kind: list(steps)}


def sets(**parts: object) -> Edit:
    """Give a tokenizer.json other parts."""
    return lambda content: content.update(parts)


def in_model(**fields: object) -> Edit:
    """Give its model other fields."""
    return lambda content: content["model"].update(fields)


def before(**fields: object) -> Edit:
    """Give its pre-tokenizer other fields."""
    return lambda content: content["pre_tokenizer"].update(fields)


def specials(first: str, second: str) -> Edit:
    """Put other special tokens into a pair."""

    def edit(content: Json) -> None:
        for part in content["post_processor"]["pair"]:
            token = part.get("SpecialToken")
            if token is not None:
                token["id"] = {first: second, second: first}.get(token["id"], token["id"])

    return edit


def one_segment(content: Json) -> None:
    """Put query and document into the same segment."""
    for part in content["post_processor"]["pair"]:
        for token in part.values():
            token["type_id"] = 0


@pytest.mark.parametrize(
    ("family", "options", "edit"),
    [
        ("xlm_roberta", XLMR, sets(normalizer=sequence("normalizers", SPACES))),
        ("xlm_roberta", XLMR, sets(normalizer=sequence("normalizers", STRIP, MARKS))),
        ("xlm_roberta", XLMR, sets(normalizer=STRIP, pre_tokenizer=METASPACE)),
        ("xlm_roberta", XLMR, sets(pre_tokenizer=FIRST)),
        ("xlm_roberta", XLMR, sets(pre_tokenizer=sequence("pretokenizers", SPLIT, FIRST))),
        ("xlm_roberta", {}, sets(pre_tokenizer=METASPACE)),
        ("bert", BERT, sets(normalizer=sequence("normalizers", CASED))),
        ("roberta", ROBERTA, before(trim_offsets=False)),
        ("roberta", ROBERTA, in_model(unk_token="<unk>", fuse_unk=True)),
    ],
)
def test_parts_that_mean_the_same_become_those_of_the_class(
    tmp_path: Path, family: str, options: Json, edit: Edit
) -> None:
    folder = checkpoint(tmp_path, family, options, edit)
    expected = transformers.AutoTokenizer.from_pretrained(folder)(QUERY, DOCUMENT)["input_ids"]
    encoder = PairEncoder.from_directory(folder)
    (pair,) = encoder.encode(QUERY, [DOCUMENT], resolve_policy(TextSettings(), 512)).documents[0].pairs
    assert pair.tokens.tolist() == expected


@pytest.mark.parametrize(
    ("family", "options", "edit", "words"),
    [
        ("bert", BERT, sets(normalizer={"type": "NFKC"}), "normalizer is NFKC; BertTokenizer"),
        ("bert", BERT, sets(normalizer=None), "normalizer is none; BertTokenizer"),
        ("bert", {"tokenizer_class": "DistilBertTokenizerFast"}, sets(normalizer=None), "DistilBertTokenizer, the"),
        ("bert", {}, sets(pre_tokenizer={"type": "Whitespace"}), "pre_tokenizer is Whitespace; BertTokenizer"),
        ("bert", BERT, sets(pre_tokenizer=None), "pre_tokenizer is none"),
        ("bert", BERT, in_model(max_input_chars_per_word=20), "model.max_input_chars_per_word is 20"),
        ("bert", BERT, in_model(continuing_subword_prefix="@@"), r'model.continuing_subword_prefix is "@@"'),
        ("bert", ROBERTA, sets(), "normalizer is BertNormalizer; RobertaTokenizer"),
        ("bert", BERT, specials("[CLS]", "[SEP]"), r"post_processor is \[SEP\] query \[CLS\] document \[CLS\]"),
        ("bert", BERT, one_segment, r"post_processor is segments \[0, 0, 0\]"),
        ("bert", XLMR, sets(), "normalizer is BertNormalizer; XLMRobertaTokenizer"),
        ("roberta", ROBERTA, sets(normalizer={"type": "NFC"}), "normalizer is NFC; RobertaTokenizer"),
        ("roberta", ROBERTA, sets(pre_tokenizer={"type": "Whitespace"}), "pre_tokenizer is Whitespace"),
        ("roberta", ROBERTA, before(use_regex=False), "pre_tokenizer.use_regex is false"),
        ("roberta", ROBERTA, before(add_prefix_space=True), "pre_tokenizer.add_prefix_space is true"),
        ("roberta", ROBERTA, in_model(ignore_merges=True), "model.ignore_merges is true"),
        ("xlm_roberta", XLMR, sets(normalizer={"type": "NFKC"}), "normalizer is NFKC; XLMRobertaTokenizer"),
        ("xlm_roberta", XLMR, sets(normalizer={**SPACES, "content": "_"}), "normalizer is Replace"),
        ("xlm_roberta", XLMR, sets(pre_tokenizer={"type": "Whitespace"}), "pre_tokenizer is Whitespace"),
        ("xlm_roberta", XLMR, sets(pre_tokenizer=None), "pre_tokenizer is none"),
        ("xlm_roberta", XLMR, sets(pre_tokenizer={**METASPACE, "replacement": "_"}), "pre_tokenizer.replacement"),
        ("xlm_roberta", XLMR, sets(pre_tokenizer={**METASPACE, "prepend_scheme": "never"}), "add_prefix_space"),
        ("xlm_roberta", XLMR, in_model(unk_id=4), "model.unk_id"),
    ],
)
def test_parts_that_the_class_would_build_otherwise_are_refused_by_name(
    tmp_path: Path, family: str, options: Json, edit: Edit, words: str
) -> None:
    with pytest.raises(CorruptFile, match=rf"^tokenizer\.json: .*{words}") as caught:
        PairEncoder.from_directory(checkpoint(tmp_path, family, options, edit))
    assert '"tokenizer_class": "PreTrainedTokenizerFast"' in caught.value.remedy


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm_roberta"])
def test_the_remedy_serves_such_a_tokenizer_as_its_file_has_it(tmp_path: Path, family: str) -> None:
    options = {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "token_type_ids"]}
    folder = checkpoint(tmp_path, family, options, sets(normalizer={"type": "NFKC"}))
    expected = transformers.AutoTokenizer.from_pretrained(folder)("ﬁsh", DOCUMENT)["input_ids"]
    encoder = PairEncoder.from_directory(folder)
    (pair,) = encoder.encode("ﬁsh", [DOCUMENT], resolve_policy(TextSettings(), 512)).documents[0].pairs
    assert pair.tokens.tolist() == expected
