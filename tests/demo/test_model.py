import json
from pathlib import Path

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
    tokenizer = AutoTokenizer.from_pretrained(directory)
    network = AutoModelForSequenceClassification.from_pretrained(directory, dtype=torch.float32).eval()
    encoded = tokenizer([query] * len(documents), documents, padding=True, truncation=True, return_tensors="pt")
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


def test_the_card_says_that_it_is_a_demonstration(directory: Path) -> None:
    card = (directory / "README.md").read_text(encoding="utf-8").lower()

    assert "demonstration model" in card
    assert "not for production" in card
    for figure in ("ndcg@10", "bm25", "english", "chinese", "licence"):
        assert figure in card
