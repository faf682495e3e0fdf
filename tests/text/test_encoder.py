"""Requests to pairs: equal to the library's own pairs, with flags, windows and refusals."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from bge_reranker.errors import DocumentTooLong, QueryTooLong
from bge_reranker.settings import Direction, TextSettings, Truncation
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.policy import resolve_policy
from bge_reranker.text.precut import TokenizedText
from bge_reranker.text.tokenizer_folder import TokenizerFolder

from .conftest import FolderOf
from .reference import LibraryPairs, policy
from .trained import FAMILIES, SCRIPTS, sample_text

LONG = "the panda eats bamboo in a quiet forest near rivers " * 20


def library_of(folder_of: FolderOf, family: str) -> LibraryPairs:
    """The library with the same tokenizer."""
    return LibraryPairs((folder_of(family) / "tokenizer.json").read_text(encoding="utf-8"))


def flag_reference(query: list[int], document: list[int], max_pair_tokens: int, special_tokens: int) -> list[list[int]]:
    """What FlagEmbedding does with ids: the query alone to 3/4, the document alone to the limit, then the document.

    Written from its description: tokenise both apart with their own limits, then prepare the pair with `only_second`.
    """
    query = query[: max_pair_tokens * 3 // 4]
    document = document[:max_pair_tokens]
    excess = len(query) + len(document) + special_tokens - max_pair_tokens
    return [query, document[: len(document) - excess] if excess > 0 else document]


@pytest.mark.parametrize("direction", get_args(Direction))
@pytest.mark.parametrize("truncation", get_args(Truncation))
@pytest.mark.parametrize("family", FAMILIES)
def test_pairs_equal_those_of_the_library_in_ids_segments_and_flags(
    folder_of: FolderOf, family: str, truncation: Truncation, direction: Direction
) -> None:
    generator = random.Random(5)
    encoder, library = PairEncoder.from_directory(folder_of(family)), library_of(folder_of, family)
    for limit in (8, 13, 24, 64):
        rules = policy(limit, truncation, direction)
        budget = limit - encoder.special_tokens
        for script in SCRIPTS:
            query = sample_text(generator, script, 12)
            documents = ["", *(sample_text(generator, script, 90) for _ in range(6))]
            query_tokens, *document_tokens = library.lengths([query, *documents])
            if truncation == "only_second" and query_tokens >= budget:
                query, query_tokens = "", 0
            encoded = encoder.encode(query, documents, rules)
            references = library.encode(query, documents, rules)
            for ours, reference, tokens in zip(encoded.documents, references, document_tokens, strict=True):
                (pair,) = ours.pairs
                assert pair.tokens.tolist() == reference.ids
                # XLM-R's template leaves all segments 0, as its model needs.
                assert pair.types.tolist() == reference.type_ids
                assert ours.tokens == len(pair)
                assert ours.truncated == (query_tokens + tokens > budget)


@pytest.mark.parametrize("max_pair_tokens", [20, 21, 22, 23, 64])
def test_the_flagreranker_preset_cuts_as_flagembedding_does(folder_of: FolderOf, max_pair_tokens: int) -> None:
    generator = random.Random(6)
    folder = TokenizerFolder.read(folder_of("xlm_roberta"))
    encoder = PairEncoder.from_directory(folder_of("xlm_roberta"))
    rules = resolve_policy(TextSettings(preset="flagreranker", window_overlap_tokens=1), max_pair_tokens)
    for _ in range(200):
        texts = [sample_text(generator, "mixed", 200) for _ in range(2)]
        query, document = (encoding.ids for encoding in folder.tokenizer.encode_batch(texts))
        kept = flag_reference(query, document, max_pair_tokens, encoder.special_tokens)
        encoded = encoder.encode(texts[0], [texts[1]], rules)
        assert encoded.documents[0].pairs[0].tokens.tolist() == [0, *kept[0], 2, 2, *kept[1], 2]
        assert encoded.documents[0].truncated == (kept != [query, document])


def test_the_presets_differ_when_the_query_is_long(folder_of: FolderOf) -> None:
    encoder = PairEncoder.from_directory(folder_of("xlm_roberta"))
    lengths = {}
    for preset in ("crossencoder", "flagreranker"):
        rules = resolve_policy(TextSettings(preset=preset), 128)
        tokens = encoder.encode(LONG, [LONG], rules).documents[0].pairs[0].tokens
        lengths[preset] = int(np.flatnonzero(tokens == 2)[0]) - 1
    assert lengths == {"crossencoder": 62, "flagreranker": 96}


def test_windows_repeat_the_query_and_cover_the_document(folder_of: FolderOf) -> None:
    encoder, library = PairEncoder.from_directory(folder_of("bert")), library_of(folder_of, "bert")
    rules = replace(policy(32), long_documents="windows_max", window_overlap_tokens=5, max_windows=100)
    (document,) = encoder.encode("the panda", [LONG], rules).documents
    whole = library.encode("the panda", [LONG], policy(10_000))[0].ids
    head, rest = whole[:4], whole[4:-1]
    collected: list[int] = []
    for pair in document.pairs:
        ids = pair.tokens.tolist()
        assert ids[:4] == head
        assert len(ids) <= 32
        body = ids[4:-1]
        collected += body if not collected else body[5:]
    assert collected == rest
    assert not document.truncated
    assert document.tokens == sum(len(pair) for pair in document.pairs)


@pytest.mark.parametrize("direction", get_args(Direction))
def test_windows_report_truncation_only_when_text_lies_beyond_the_last_one(
    folder_of: FolderOf, direction: Direction
) -> None:
    encoder = PairEncoder.from_directory(folder_of("bert"))
    rules = replace(
        policy(16, direction=direction), long_documents="windows_mean", window_overlap_tokens=0, max_windows=3
    )
    # 16 less 3 special tokens and 1 of the query: 12 per window, 36 in all.
    fits, beyond = encoder.encode("panda", ["panda " * 36, "panda " * 37], rules).documents
    assert [len(fits.pairs), fits.truncated] == [3, False]
    assert [len(beyond.pairs), beyond.truncated] == [3, True]


def test_windows_start_at_the_end_of_the_document_when_the_direction_is_left(folder_of: FolderOf) -> None:
    encoder = PairEncoder.from_directory(folder_of("bert"))
    text = "the " * 50 + "panda"
    rules = replace(policy(16, direction="left"), long_documents="windows_max", window_overlap_tokens=0, max_windows=2)
    pairs = encoder.encode("panda", [text], rules).documents[0].pairs
    panda = pairs[0].tokens[1]
    assert [int(pair.tokens[-2]) == panda for pair in pairs] == [False, True]


def test_a_document_that_fits_has_one_pair_under_every_policy(folder_of: FolderOf) -> None:
    encoder = PairEncoder.from_directory(folder_of("xlm_roberta"))
    for mode in ("cut", "windows_max", "windows_mean", "reject"):
        (document,) = encoder.encode("panda", ["bamboo"], replace(policy(32), long_documents=mode)).documents
        assert len(document.pairs) == 1
        assert not document.truncated


def test_rejection_names_the_first_document_that_does_not_fit(folder_of: FolderOf) -> None:
    encoder = PairEncoder.from_directory(folder_of("bert"))
    rules = replace(policy(16), long_documents="reject")
    encoder.encode("panda", ["panda " * 12], rules)
    with pytest.raises(DocumentTooLong, match=r"document 2 has more than 12 tokens.*at most 16") as caught:
        encoder.encode("panda", ["panda", "panda", "panda " * 13], rules)
    assert caught.value.remedy


def test_the_query_is_refused_when_it_may_not_be_cut_and_leaves_no_room(folder_of: FolderOf) -> None:
    encoder = PairEncoder.from_directory(folder_of("bert"))
    for rules in (policy(16, "only_second"), replace(policy(16), long_documents="reject")):
        with pytest.raises(QueryTooLong, match="at most 16 tokens") as caught:
            encoder.encode("panda " * 14, ["panda"], rules)
        assert caught.value.remedy
    with pytest.raises(QueryTooLong):
        encoder.encode("panda " * 13, ["panda"], policy(16, "only_second"))
    assert not encoder.encode("panda " * 13, [""], policy(16, "only_second")).documents[0].truncated


def test_a_query_limit_drops_query_tokens_and_says_so(folder_of: FolderOf) -> None:
    encoder = PairEncoder.from_directory(folder_of("bert"))
    rules = replace(policy(64), max_query_tokens=3)
    encoded = encoder.encode("the panda eats bamboo", ["the"], rules)
    assert encoded.documents[0].truncated
    assert encoded.tokens == 3 + 3 + 1
    assert not encoder.encode("the panda eats", ["the"], rules).documents[0].truncated


def test_query_and_equal_documents_are_tokenised_once(folder_of: FolderOf) -> None:
    seen: list[str] = []
    folder = TokenizerFolder.read(folder_of("bert"))

    class Recorder:
        def encode_batch(self, texts: Sequence[str], /) -> Sequence[TokenizedText]:
            seen.extend(texts)
            return folder.tokenizer.encode_batch(texts)

        def encode_whole(self, texts: Sequence[str], /) -> Sequence[list[int]]:
            return [found.ids for found in self.encode_batch(texts)]

    encoded = PairEncoder(Recorder(), folder.template, folder.precut).encode("q", ["a", "b", "a"], policy(32))
    assert seen == ["q", "a", "b"]
    assert encoded.documents[0] is encoded.documents[2]
    assert encoded.documents[0].pairs[0].tokens.tolist() != encoded.documents[1].pairs[0].tokens.tolist()


def test_a_request_without_documents_gives_none(folder_of: FolderOf) -> None:
    encoder = PairEncoder.from_directory(folder_of("bert"))
    assert encoder.encode("q", [], policy(32)).documents == ()
    assert encoder.estimate_tokens(["q"], [], policy(32)) == 1


@pytest.mark.parametrize("mode", ["cut", "windows_max"])
def test_the_estimate_is_not_below_the_tokens_of_ordinary_text(folder_of: FolderOf, mode: str) -> None:
    generator = random.Random(8)
    encoder = PairEncoder.from_directory(folder_of("xlm_roberta"))
    rules = replace(policy(64), long_documents="cut" if mode == "cut" else "windows_max")
    words = LONG.split()
    for _ in range(100):
        documents = [" ".join(generator.choices(words, k=generator.randint(0, 100))) for _ in range(5)]
        documents.append(sample_text(generator, "chinese", 200))
        query = " ".join(generator.choices(words, k=3))
        assert encoder.estimate_tokens([query], documents, rules) >= encoder.encode(query, documents, rules).tokens


def test_the_estimate_is_bounded_by_the_pair_limit_when_documents_are_cut(folder_of: FolderOf) -> None:
    encoder = PairEncoder.from_directory(folder_of("xlm_roberta"))
    assert encoder.estimate_tokens(["q"], ["x" * 1_000_000] * 3, policy(512)) == 3 * 512


@pytest.mark.parametrize("mode", ["cut", "windows_mean"])
def test_the_estimate_of_several_queries_is_the_sum_of_each_with_its_documents(folder_of: FolderOf, mode: str) -> None:
    encoder = PairEncoder.from_directory(folder_of("bert"))
    rules = replace(policy(64), long_documents="cut" if mode == "cut" else "windows_mean", max_document_tokens=900)
    queries, documents = ["q", "竹" * 40, "x" * 999], ["short", "竹" * 500, "y" * 3_000]
    together = encoder.estimate_tokens(queries, documents, rules)
    apart = [
        encoder.estimate_tokens([query], [document], rules) for query, document in zip(queries, documents, strict=True)
    ]
    assert together == sum(apart)
    assert len(set(apart)) > 1
