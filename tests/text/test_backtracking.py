from __future__ import annotations

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from bge_reranker.errors import CorruptFile
from bge_reranker.text.backtracking import MAX_GROUPS, MAX_PATTERN_CHARACTERS, refuse_backtracking, why_endless

from .trained import FAMILIES

GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tokenizers_of_all_families_are_let_through(family: str) -> None:
    refuse_backtracking(Tokenizer.from_str(FAMILIES[family]()))


@pytest.mark.parametrize(
    "pattern",
    [
        *(GPT_2, LLAMA_3, DEEPSEEK, BLOOM),
        *(" {2,}", r"\s{2,}|[\n\r\t]", r"\s+", r"\p{N}{1,3}(?=(\d{3})+(?!\d))", r"\d{1,3}(?=(?:\d{3})*\b)"),
        # Nothing that follows can fail, so that nothing is taken back.
        *("a*a*a*", r"(?:\p{L}\p{M}*)+", "(?:a|a)*", "(?>a*)*", "(a+)+?"),
        # What stands in brackets, after a backslash or in braces of another kind repeats nothing.
        *(r"[\p{Han}&&[^\p{L}]]+", "[^]*]", "[]*]", "[[:alpha:]+]", r"\x{3000}\{2}", "a{", "{}", "(?#a+a+)b", "(?i)a"),
        # Possessive and atomic parts are not taken back.
        *("(?>a+)a+b", "a++a+b", "(?<=a+)b"),
    ],
)
def test_expressions_that_end_are_let_through(pattern: str) -> None:
    Regex(pattern)
    assert why_endless(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?:◊+◊+)+y", "repetitions"),
        ("(a+)+$", "repetitions"),
        ("(?:a*)*y", "repetitions"),
        ("(?:a|a)+y", "repetitions"),
        ("(?:a|ab)(?:c|bcd)*d", "repetitions"),
        ("a+a+y", "repetitions"),
        (".*.*.*=.*", "repetitions"),
        ("a**b", "repetitions"),
        ("a{2,}a{2,}b", "repetitions"),
        ("(?=a+b+c)", "repetitions"),
        ("(?<!(a+)+b)", "repetitions"),
        ("(?>(a+)+b)", "repetitions"),
        ("(?:a+y|b)+(?!c)", "repetitions"),
        ("(?:.?){30}y", "ways at one place"),
        (".?" * 30 + "y", "ways at one place"),
        ("(?:(?:a{0,50}){0,50}){0,50}b", "ways at one place"),
        (r"(?<x>a|b\g<x>c)", "a call of a group"),
        ("(?~abc)", "a group"),
        ("(?(1)a|b)", "a group"),
        ("(?x) a # (", "a group"),
        ("a)b", "a bracket"),
        ("(a", "a bracket"),
        ("[a", "a bracket"),
        ("a\\", "an unfinished escape"),
        ("a" * (MAX_PATTERN_CHARACTERS + 1), "characters"),
        ("(a)" * (MAX_GROUPS + 1), "groups"),
    ],
)
def test_expressions_that_may_not_end_are_refused(pattern: str, reason: str) -> None:
    assert reason.removeprefix("a bracket") in (why_endless(pattern) or "nothing")
    assert why_endless(pattern) is not None


@pytest.mark.parametrize("part", ["normalizer", "pre_tokenizer", "decoder"])
def test_the_part_and_its_expression_are_named(part: str) -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    expression = Regex("(a+)+y")
    parts = {
        "normalizer": normalizers.Sequence([normalizers.NFC(), normalizers.Replace(expression, "b")]),
        "pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(expression, "isolated")]),
        "decoder": decoders.Sequence([decoders.Replace(expression, "b")]),
    }
    setattr(tokenizer, part, parts[part])
    with pytest.raises(CorruptFile, match=rf"tokenizer\.json: {part} has the expression '\(a\+\)\+y'") as caught:
        refuse_backtracking(tokenizer)
    assert caught.value.remedy
