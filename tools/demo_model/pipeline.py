"""The steps from the packages to the finished checkpoint, in order."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from rich.console import Console
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

from bge_reranker.evaluation.report import evaluate_rankings, print_report
from demo_model.card import write_card
from demo_model.checkpoint import save_checkpoint
from demo_model.corpus import TextPair, build_pairs, load_pairs, save_pairs
from demo_model.embeddings import (
    inverse_frequencies,
    leading_part,
    lean_on_characters,
    lean_on_teacher,
    reduce_vectors,
    teacher_vectors,
    train_vectors,
)
from demo_model.evaluate import SEED, build_cases, evaluate_checkpoint
from demo_model.matching import SoftMatching, train_matching
from demo_model.negatives import mine_negatives
from demo_model.network import TOPIC_SIZE, WORD_SIZE
from demo_model.packages import fetch_packages, package_names
from demo_model.sampling import SHARES, PairSampler
from demo_model.scoring import checkpoint_scorer
from demo_model.start import build_network, read_meanings
from demo_model.tokenizer import build_tokenizer, keep_read_pieces

T = TypeVar("T")

_THREADS = 2
_VECTOR_STEPS, _VECTOR_PAIRS = 1500, 1024
_MATCHING_STEPS, _MATCHING_PAIRS = 1000, 64
_QUERY_TOKENS, _PASSAGE_TOKENS = 20, 64
"""Longest query and passage in training; the network reads longer ones."""

_VALIDATION_QUERIES = 400
"""Most queries per language by which the construction is chosen: all that the validation sources have."""


@dataclass(frozen=True)
class TokenCorpus:
    """The training pairs and their pieces.

    Attributes:
        pairs: Training pairs, shuffled.
        queries: Pieces of each pair's query.
        passages: Pieces of each pair's passage.
    """

    pairs: list[TextPair]
    queries: list[list[int]]
    passages: list[list[int]]


def train_demo_model(cache: Path, directory: Path) -> None:
    """Trains the demonstration model and writes its folder.

    Args:
        cache: Folder for packages, the teacher's answers and checkpoints.
        directory: Where the finished checkpoint and its card go.
    """
    torch.set_num_threads(_THREADS)
    clock: dict[str, float] = {}
    fetch_packages(package_names(("train", "validation", "test")), cache)
    pairs = _timed(clock, "texts", lambda: _training_pairs(cache))
    tokenizer = _timed(clock, "tokenizer", lambda: _tokenizer(pairs, cache))
    corpus = _timed(clock, "pieces", lambda: _token_corpus(pairs, tokenizer))
    size = tokenizer.get_vocab_size()
    sampler = PairSampler(corpus.pairs, corpus.queries, corpus.passages, SHARES, SEED)
    start = _timed(clock, "teacher", lambda: _starting_vectors(tokenizer, cache))
    rarity = _rarity(corpus, size)
    vectors = _timed(
        clock,
        "word vectors",
        lambda: train_vectors(start, rarity, lambda: sampler.draw_pairs(_VECTOR_PAIRS), steps=_VECTOR_STEPS),
    )
    mined = _timed(
        clock,
        "negatives",
        lambda: mine_negatives(corpus.pairs, corpus.queries, corpus.passages, size, most=6000, count=16),
    )
    matching = SoftMatching(vectors, rarity)
    _timed(
        clock,
        "matching",
        lambda: train_matching(
            matching, lambda: sampler.draw_pairs_with_negatives(_MATCHING_PAIRS, mined), steps=_MATCHING_STEPS
        ),
    )
    weights = matching.log_rarity.detach().exp().numpy()
    vectors = lean_on_teacher(matching.vectors.detach().numpy(), weights, start)
    topics = lean_on_characters(vectors, weights, tokenizer)
    save_checkpoint(
        build_network(leading_part(vectors, weights, WORD_SIZE), topics, weights, SEED), tokenizer, directory
    )
    write_card(directory, evaluate_checkpoint(directory, cache), clock, cache)


def rebuild_demo_model(cache: Path, directory: Path) -> None:
    """Builds the network anew around the word vectors that a finished checkpoint holds, as after a change in `start`.

    Args:
        cache: Folder for the packages of the validation sources, by whose ranking the construction is chosen.
        directory: The checkpoint, replaced in place; its card keeps telling how its vectors were trained.
    """
    network = AutoModelForSequenceClassification.from_pretrained(directory, dtype=torch.float32)
    tokenizer, kept = keep_read_pieces(Tokenizer.from_file(str(directory / "tokenizer.json")))
    words, topics, rarity = (meaning[kept] for meaning in read_meanings(network))
    save_checkpoint(build_network(words, topics, rarity, SEED), tokenizer, directory)
    report = evaluate_rankings(checkpoint_scorer(directory), build_cases("validation", cache, _VALIDATION_QUERIES))
    print_report(report, Console(), title="Rebuilt demonstration model on the validation sources")


def _timed(clock: dict[str, float], name: str, step: Callable[[], T]) -> T:
    started = time.monotonic()
    result = step()
    clock[name] = time.monotonic() - started
    print(f"{name}: {clock[name]:.0f} s", flush=True)
    return result


def _training_pairs(cache: Path) -> list[TextPair]:
    path = cache / "train.jsonl"
    if not path.is_file():
        save_pairs(build_pairs("train", cache, SEED), path)
    return load_pairs(path)


def _tokenizer(pairs: list[TextPair], cache: Path) -> Tokenizer:
    path = cache / "tokenizer.json"
    if not path.is_file():
        texts = [text for pair in pairs if pair.kind != "cloze" for text in (pair.query, pair.passage)]
        build_tokenizer(texts).save(str(path))
    return Tokenizer.from_file(str(path))


def _token_corpus(pairs: list[TextPair], tokenizer: Tokenizer) -> TokenCorpus:
    queries = _pieces([pair.query for pair in pairs], tokenizer, _QUERY_TOKENS)
    passages = _pieces([pair.passage for pair in pairs], tokenizer, _PASSAGE_TOKENS)
    return TokenCorpus(pairs, queries, passages)


def _pieces(texts: list[str], tokenizer: Tokenizer, longest: int) -> list[list[int]]:
    unknown = tokenizer.token_to_id("<unk>") or 0
    pieces: list[list[int]] = []
    for start in range(0, len(texts), 4096):
        encoded = tokenizer.encode_batch(texts[start : start + 4096], add_special_tokens=False)
        pieces.extend(one.ids[:longest] or [unknown] for one in encoded)
    return pieces


def _starting_vectors(tokenizer: Tokenizer, cache: Path) -> np.ndarray:  # float32 (V, TOPIC_SIZE)
    teacher = teacher_vectors(tokenizer, cache)
    start = reduce_vectors(teacher, TOPIC_SIZE, SEED)
    unknown = ~np.any(teacher, axis=1)
    start[unknown] = np.random.default_rng(SEED).normal(size=(int(unknown.sum()), TOPIC_SIZE))
    return start


def _rarity(corpus: TokenCorpus, size: int) -> np.ndarray:  # float32 (V)
    chosen = [place for place, pair in enumerate(corpus.pairs) if pair.kind != "translation"]
    is_chinese = np.array([corpus.pairs[place].language == "zh" for place in chosen])
    return inverse_frequencies([corpus.passages[place] for place in chosen], is_chinese, size)
