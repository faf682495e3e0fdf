"""Reading tokenizers: their templates, their limits and their defects."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from bge_reranker.errors import CorruptFile, UnknownModel
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.pair_template import probe_template
from bge_reranker.text.tokenizer_folder import TRIAL_TEXT, TokenizerFolder, splits_at_spaces

from .conftest import FolderOf
from .trained import FAMILIES, SCRIPTS, sample_text, xlm_roberta_json


@pytest.mark.parametrize(
    ("family", "prefix", "middle", "suffix", "types"),
    [("xlm_roberta", [0], [2, 2], [2], (0, 0)), ("roberta", [0], [2, 2], [2], (0, 0)), ("bert", [2], [3], [3], (0, 1))],
)
def test_the_template_of_each_family_is_learned_from_its_post_processor(
    folder_of: FolderOf, family: str, prefix: list[int], middle: list[int], suffix: list[int], types: tuple[int, int]
) -> None:
    template = TokenizerFolder.read(folder_of(family)).template
    assert (template.prefix.tolist(), template.middle.tolist(), template.suffix.tolist()) == (prefix, middle, suffix)
    assert (template.query_type, template.document_type) == types
    assert template.suffix_types.tolist() == [types[1]]


def test_all_segments_are_0_when_the_model_knows_one_only(folder_of: FolderOf) -> None:
    tokenizer = Tokenizer.from_file(str(folder_of("bert") / "tokenizer.json"))
    template = probe_template(tokenizer, segments=1)
    assert template.document_type == 0
    assert not template.suffix_types.any()


def test_the_post_processor_is_trusted_when_the_configuration_says_nothing(folder_of: FolderOf) -> None:
    tokenizer = Tokenizer.from_file(str(folder_of("bert") / "tokenizer.json"))
    assert probe_template(tokenizer, segments=None).document_type == 1


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("<s> $B </s> $A </s>", "one query, then one document"),
        ("<s> $A $B </s>", "no special token between query and document"),
        ("<s> $A </s> $B" + " </s>" * 20, "22 special tokens"),
        (None, "no special token between query and document, or none at all"),
    ],
)
def test_a_template_that_is_not_query_then_document_is_refused(tmp_path: Path, pair: str | None, words: str) -> None:
    tokenizer = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "a": 2, "<unk>": 3}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if pair is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair=pair, special_tokens=[("<s>", 0), ("</s>", 1)]
        )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CorruptFile, match=words):
        PairEncoder.from_directory(tmp_path)


def test_special_tokens_with_the_ids_of_others_are_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "a": 2, "<unk>": 3}, unk_token="<unk>"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 2), ("</s>", 1)]
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CorruptFile, match="'<s>' into a pair as id 2, which is 'a'"):
        PairEncoder.from_directory(tmp_path)


@pytest.mark.parametrize(("segments", "found", "known"), [(2, 3, 2), (None, 200, 128)])
def test_a_segment_that_the_model_does_not_know_is_refused(
    folder_of: FolderOf, segments: int | None, found: int, known: int
) -> None:
    tokenizer = Tokenizer.from_file(str(folder_of("bert") / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair=f"[CLS] $A [SEP] $B:{found} [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    with pytest.raises(CorruptFile, match=f"segment {found}; the model knows {known}"):
        probe_template(tokenizer, segments=segments)


def test_the_largest_id_is_found_with_and_without_gaps(tmp_path: Path) -> None:
    for vocabulary, largest in (({"<unk>": 0, "a": 1, "</s>": 2}, 2), ({"<unk>": 0, "a": 70_000, "</s>": 2}, 70_000)):
        tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)]
        )
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        assert TokenizerFolder.read(tmp_path).largest_id == largest


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tokenizers_of_all_families_are_known_to_split_at_spaces(folder_of: FolderOf, family: str) -> None:
    assert TokenizerFolder.read(folder_of(family)).precut.splits_at_spaces


def test_a_tokenizer_whose_pieces_span_spaces_is_recognised() -> None:
    tokenizer = Tokenizer.from_str(xlm_roberta_json())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    assert not splits_at_spaces(tokenizer)


@pytest.mark.parametrize(("limit", "tokens"), [(512, 512), (1e30, None), (None, None), ("many", None)])
def test_the_tokenizers_own_limit_is_read_unless_it_means_none(
    tmp_path: Path, limit: object, tokens: int | None
) -> None:
    (tmp_path / "tokenizer.json").write_text(xlm_roberta_json(), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": limit}))
    assert PairEncoder.from_directory(tmp_path).settings.max_pair_tokens("crossencoder") == tokens


def test_truncation_and_padding_stored_in_the_file_are_off_after_loading(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_str(xlm_roberta_json())
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (encoding,) = TokenizerFolder.read(tmp_path).tokenizer.encode_batch(["the panda eats bamboo in a forest"])
    assert 3 < len(encoding) < 50


def test_a_folder_that_does_not_exist_is_an_unknown_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel) as caught:
        PairEncoder.from_directory(tmp_path / "nowhere")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "content"),
    [("tokenizer.json", None), ("tokenizer.json", "{"), ("config.json", "{"), ("config.json", "[]")],
)
def test_a_missing_or_broken_file_is_named_with_a_remedy(tmp_path: Path, name: str, content: str | None) -> None:
    (tmp_path / "tokenizer.json").write_text(xlm_roberta_json(), encoding="utf-8")
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    with pytest.raises(CorruptFile, match=name) as caught:
        PairEncoder.from_directory(tmp_path)
    assert caught.value.remedy


def test_a_tokenizer_without_any_token_for_the_probes_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.BPE(vocab={"q": 0}, merges=[]))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CorruptFile, match="no token for any of the probe texts"):
        PairEncoder.from_directory(tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_without_their_places_are_the_same_tokens(folder_of: FolderOf, family: str) -> None:
    tokenizer, generator = TokenizerFolder.read(folder_of(family)).tokenizer, random.Random(3)
    texts = ["", TRIAL_TEXT, *(sample_text(generator, script, 200) for script in SCRIPTS for _ in range(50))]
    found, expected = tokenizer.encode_whole(texts), tokenizer.encode_batch(texts)
    assert found == [each.ids for each in expected]
