import json
import random
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bge_reranker.demo import demo_model_directory

MAX_BYTES = 20_000_000
QUERY = "人工智能发展趋势"
CANDIDATES = ["AI在医疗的应用", "深度学习框架对比", "区块链技术解析"]


@pytest.fixture(scope="module")
def directory() -> Path:
    return demo_model_directory()


def logits(directory: Path, query: str, documents: list[str]) -> list[float]:
    return pair_logits(directory, [(query, document) for document in documents])


@cache
def loaded(directory: Path) -> tuple[Any, Any]:
    network = AutoModelForSequenceClassification.from_pretrained(directory, dtype=torch.float32).eval()
    return AutoTokenizer.from_pretrained(directory), network


def pair_logits(directory: Path, pairs: list[tuple[str, str]]) -> list[float]:
    tokenizer, network = loaded(directory)
    queries, documents = [query for query, _ in pairs], [document for _, document in pairs]
    encoded = tokenizer(queries, documents, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        return [float(value) for value in network(**encoded).logits[:, 0]]


def test_the_folder_is_small_and_holds_no_pickle(directory: Path) -> None:
    files = [path for path in directory.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    assert {path.suffix for path in files} == {".json", ".safetensors", ".md"}


def test_the_configuration_is_xlm_roberta_s_with_one_score(directory: Path) -> None:
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))

    assert config["architectures"] == ["XLMRobertaForSequenceClassification"]
    assert (config["model_type"], config["type_vocab_size"]) == ("xlm-roberta", 1)
    assert (config["bos_token_id"], config["pad_token_id"], config["eos_token_id"]) == (0, 1, 2)
    assert config["max_position_embeddings"] == 514
    assert len(config["id2label"]) == 1


def test_every_weight_is_used_and_none_is_missing(directory: Path) -> None:
    _, report = AutoModelForSequenceClassification.from_pretrained(directory, output_loading_info=True)

    assert {name: list(places) for name, places in report.items() if places} == {}


def test_pairs_are_laid_out_as_xlm_roberta_s(directory: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(directory)

    tokens = tokenizer.convert_ids_to_tokens(tokenizer("apple", "苹果")["input_ids"])

    assert (tokens[0], tokens[-1], tokens.count("</s>")) == ("<s>", "</s>", 3)
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert tokenizer.convert_tokens_to_ids("<mask>") == len(tokenizer) - 1
    assert tokenizer.model_max_length == 512


def test_a_word_keeps_its_piece_when_the_language_changes_around_it(directory: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(directory)

    alone = set(tokenizer.tokenize("AI"))

    assert alone <= set(tokenizer.tokenize("使用AI技术"))
    assert alone <= set(tokenizer.tokenize("uses ai now"))
    assert tokenizer.tokenize("ＡＩ") == tokenizer.tokenize("ai")


def test_the_example_ranks_medicine_with_ai_before_blockchain(directory: Path) -> None:
    medicine, _, blockchain = logits(directory, QUERY, CANDIDATES)

    assert medicine > blockchain


def test_a_longer_text_than_the_network_reads_is_cut_and_scored(directory: Path) -> None:
    (score,) = logits(directory, "how to install a package", ["Packages are installed with apt. " * 200])

    assert score == score  # not NaN  # noqa: PLR0124 - the plainest test for NaN


@pytest.mark.parametrize(
    ("query", "answer", "other"),
    [
        ("how to install software", "Use the package manager to install programs.", "The weather will be sunny."),
        ("如何安装软件", "使用软件包管理器安装程序。", "明天天气晴朗。"),
    ],
)
def test_an_answer_beats_an_unrelated_text(directory: Path, query: str, answer: str, other: str) -> None:
    right, wrong = logits(directory, query, [other, answer])[::-1]

    assert right > wrong


SUBJECTS = ["apples", "dogs", "engines", "rivers", "computers", "banks", "children", "planets", "bridges", "vaccines"]
QUESTIONS = {
    "how do {} grow": "This is how {} grow over the years.",
    "what are {} made of": "{} are made of many small parts.",
    "history of {}": "The history of {} begins long ago.",
    "why do people need {}": "People need {} for many reasons.",
    "where can I buy {}": "You can buy {} in this shop.",
    "are {} dangerous": "Some {} are dangerous, most are not.",
    "tell me about {}": "Here is a short article about {}.",
    "types of {}": "There are several types of {}.",
    "photos of {}": "A gallery with photos of {}.",
    "{} for beginners": "An easy introduction to {} for beginners.",
}
RELEVANT = [(query.format(s), text.format(s)) for s, (query, text) in product(SUBJECTS, QUESTIONS.items())] + [
    (query.format(s) + "?", text.format(s).upper()) for s, (query, text) in product(SUBJECTS, QUESTIONS.items())
]
"""Queries, each with a document that anybody would call relevant."""

SCRIPTS = {
    "Cyrillic": (0x430, 0x44F),
    "Greek": (0x3B1, 0x3C9),
    "Hebrew": (0x5D0, 0x5EA),
    "Arabic": (0x627, 0x64A),
    "Devanagari": (0x905, 0x939),
    "Thai": (0xE01, 0xE2E),
    "Georgian": (0x10D0, 0x10F0),
    "Hangul": (0xAC00, 0xD7A3),
    "Hiragana": (0x3042, 0x3093),
    "Katakana": (0x30A2, 0x30F3),
    "emoji": (0x1F300, 0x1F64F),
}
"""First and last letter of each."""


def text_in(script: str, generator: random.Random) -> str:
    """A few words of random letters, with or without blanks, marks and a number."""
    letters = [chr(code) for code in range(SCRIPTS[script][0], SCRIPTS[script][1] + 1)]
    words = ["".join(generator.choices(letters, k=generator.randint(1, 9))) for _ in range(generator.randint(1, 12))]
    text = generator.choice([" ", " ", ""]).join(words)
    return generator.choice(["{}", "{}!", "{}, 2024.", "({})"]).format(text)


@pytest.fixture(scope="module")
def relevant_logits(directory: Path) -> list[float]:
    return pair_logits(directory, RELEVANT)


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_text_in_a_script_that_it_cannot_read_outranks_a_relevant_one(
    directory: Path, relevant_logits: list[float], script: str
) -> None:
    generator = random.Random(script)
    unread = [(query, text_in(script, generator)) for query, _ in RELEVANT]

    scores = pair_logits(directory, unread)

    assert [pair for pair, score, best in zip(unread, scores, relevant_logits, strict=True) if score >= best] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_text_that_it_cannot_read_comes_after_one_about_something_else(directory: Path, script: str) -> None:
    unread = text_in(script, random.Random(script))

    for query in ("how do apples grow", "人工智能发展趋势", "what is a reranker"):
        other, foreign = logits(directory, query, ["The weather is fine.", unread])
        assert foreign < other


def test_a_query_that_it_cannot_read_makes_no_document_relevant(directory: Path) -> None:
    scores = logits(
        directory, "Как растут яблоки?", ["Apples grow on trees.", "Яблоки растут на деревьях.", "안녕하세요"]
    )

    assert max(scores) < -3


@pytest.mark.parametrize("words", [40, 120, 300])
def test_a_long_query_finds_its_answer(directory: Path, words: int) -> None:
    question = (
        "How old is the universe and how do we know that it is expanding according to current cosmology and "
        "measurements of distant galaxies by large telescopes in space and on the ground which many "
        "people have used for years "
    )
    query = " ".join((question * 8).split()[:words])

    answer, other = logits(
        directory,
        query,
        ["The universe is about 13.8 billion years old and expanding, say cosmologists", "Stock prices fell on Monday"],
    )

    assert answer > other


@pytest.mark.parametrize("sign", ["🍎", " 🎉✨", " (яблоко)", " → 苹果"])
def test_a_relevant_text_stays_on_top_with_a_sign_that_it_cannot_read(directory: Path, sign: str) -> None:
    answer, other = logits(
        directory, "how do apples grow", ["Apples grow on trees in an orchard" + sign, "Stock markets fell."]
    )

    assert answer > other


def test_the_card_says_that_it_is_a_demonstration(directory: Path) -> None:
    card = (directory / "README.md").read_text(encoding="utf-8").lower()

    assert "demonstration model" in card
    assert "not for production" in card
    for figure in ("ndcg@10", "bm25", "english", "chinese", "licence"):
        assert figure in card
