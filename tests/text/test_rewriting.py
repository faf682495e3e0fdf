from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from bge_reranker.errors import CorruptFile
from bge_reranker.text.rewriting import MAX_GROWTH, _longest_of_charsmap, refuse_rewriting

from .trained import FAMILIES

TWICE = normalizers.Replace("a", "aa")
ALBERT = [
    normalizers.Replace("``", '"'),
    normalizers.Replace("''", '"'),
    normalizers.NFKD(),
    normalizers.StripAccents(),
    normalizers.Lowercase(),
    normalizers.Replace(Regex(" {2,}"), " "),
]
DEBERTA = [
    normalizers.Lowercase(),
    normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
    normalizers.NFC(),
    normalizers.Strip(left=False, right=True),
]


def rewriting(steps: Sequence[Any], pre_tokenizer: Any = None) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    tokenizer.normalizer = normalizers.Sequence([*steps])
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    return tokenizer


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tokenizers_of_all_families_are_let_through(family: str) -> None:
    refuse_rewriting(Tokenizer.from_str(FAMILIES[family]()))


@pytest.mark.parametrize("steps", [ALBERT, DEBERTA, [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]])
def test_normalizers_as_they_are_published_are_let_through(steps: Sequence[Any]) -> None:
    refuse_rewriting(rewriting(steps, pre_tokenizers.ByteLevel()))


def test_growth_is_refused_just_above_its_bound() -> None:
    doublings = MAX_GROWTH.bit_length() - 1
    refuse_rewriting(rewriting([TWICE] * doublings))
    with pytest.raises(CorruptFile, match=f"more than {MAX_GROWTH} characters of one") as caught:
        refuse_rewriting(rewriting([TWICE] * (doublings + 1)))
    assert caught.value.remedy


def test_growth_is_counted_through_normalizers_and_pre_tokenizers_together() -> None:
    bytes_again = pre_tokenizers.Sequence([pre_tokenizers.ByteLevel()] * 5)
    refuse_rewriting(rewriting([TWICE], bytes_again))
    with pytest.raises(CorruptFile, match="characters of one"):
        refuse_rewriting(rewriting([TWICE] * 4, bytes_again))


def test_growth_of_a_charsmap_is_its_longest_text() -> None:
    texts = "a\0\ufdfa\0صلى الله عليه وسلم\0".encode()
    assert _longest_of_charsmap(b64encode(struct.pack("<I", 4) + b"trie" + texts).decode()) == 18


def test_a_model_that_draws_lots_is_refused() -> None:
    with pytest.raises(CorruptFile, match="other tokens each time"):
        refuse_rewriting(Tokenizer(models.BPE(dropout=0.1)))
