"""The steps from the packages to the finished checkpoint, in order.

Belongs here: the order, the seeds and the sizes of the steps. Must not be here: how a step works.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import XLMRobertaForSequenceClassification

from bge_reranker.evaluation import RankingCase, evaluate_rankings
from demo_model.card import write_card
from demo_model.checkpoint import save_checkpoint
from demo_model.corpus import TextPair, build_pairs, load_pairs, save_pairs
from demo_model.embeddings import inverse_frequencies, reduce_vectors, teacher_vectors, train_vectors
from demo_model.evaluate import SEED, build_cases, evaluate_checkpoint
from demo_model.matching import SoftMatching, train_matching
from demo_model.negatives import mine_negatives
from demo_model.network import MEANING_SIZE
from demo_model.packages import fetch_packages, package_names
from demo_model.sampling import NETWORK_SHARES, VECTOR_SHARES, PairSampler
from demo_model.scoring import checkpoint_scorer
from demo_model.start import build_network
from demo_model.tokenizer import build_tokenizer
from demo_model.train import PASSAGE_TOKENS, QUERY_TOKENS, train_network

T = TypeVar("T")

_THREADS = 2
_VECTOR_STEPS, _VECTOR_PAIRS = 1500, 1024
_MATCHING_STEPS, _MATCHING_PAIRS = 1000, 64
_NETWORK_STEPS, _NETWORK_EXAMPLES, _NEGATIVES = 600, 8, 5
_CHECK_STEPS = 100
_VALIDATION_QUERIES = 100


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
    sampler = PairSampler(corpus.pairs, corpus.queries, corpus.passages, VECTOR_SHARES, SEED)
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
    network = build_network(matching.vectors.detach().numpy().copy(), matching.log_rarity.detach().numpy().copy(), SEED)
    task_sampler = PairSampler(corpus.pairs, corpus.queries, corpus.passages, NETWORK_SHARES, SEED)
    keeper = BestCheckpoint(network, tokenizer, cache)
    _timed(
        clock,
        "network",
        lambda: train_network(
            network,
            lambda: task_sampler.draw_examples(_NETWORK_EXAMPLES, mined, _NEGATIVES),
            steps=_NETWORK_STEPS,
            check=keeper.check,
            check_every=_CHECK_STEPS,
        ),
    )
    keeper.finish(directory)
    write_card(directory, evaluate_checkpoint(directory, cache), clock, keeper.best_step, cache)


class BestCheckpoint:
    """Keeps the state of the network that ranks the validation sources best; the test sources have no say.

    Args:
        network: The network in training.
        tokenizer: Its tokenizer.
        cache: Where the best state so far is kept.
    """

    def __init__(self, network: XLMRobertaForSequenceClassification, tokenizer: Tokenizer, cache: Path) -> None:
        self._network, self._tokenizer = network, tokenizer
        self._directory = cache / "best"
        self._cases: list[RankingCase] = build_cases("validation", cache, _VALIDATION_QUERIES)
        self._best = 0.0
        self.best_step = 0
        self.check(0)

    def check(self, step: int) -> None:
        """Measures the network as it is and keeps it when it is the best so far."""
        candidate = self._directory.with_name("candidate")
        save_checkpoint(self._network, self._tokenizer, candidate)
        report = evaluate_rankings(checkpoint_scorer(candidate), self._cases, with_bm25=False)
        value = float(np.mean([result.measures.ndcg_at_10 for result in report.results]))
        groups = {result.group: round(result.measures.ndcg_at_10, 4) for result in report.results}
        print(f"step {step}: mean nDCG@10 {value:.4f} {groups}", flush=True)
        if value > self._best:
            self._best, self.best_step = value, step
            save_checkpoint(self._network, self._tokenizer, self._directory)

    def finish(self, directory: Path) -> None:
        """Writes the best state to its final place."""
        directory.mkdir(parents=True, exist_ok=True)
        for path in self._directory.iterdir():
            (directory / path.name).write_bytes(path.read_bytes())


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
    queries = _pieces([pair.query for pair in pairs], tokenizer, QUERY_TOKENS)
    passages = _pieces([pair.passage for pair in pairs], tokenizer, PASSAGE_TOKENS)
    return TokenCorpus(pairs, queries, passages)


def _pieces(texts: list[str], tokenizer: Tokenizer, longest: int) -> list[list[int]]:
    unknown = tokenizer.token_to_id("<unk>") or 0
    pieces: list[list[int]] = []
    for start in range(0, len(texts), 4096):
        encoded = tokenizer.encode_batch(texts[start : start + 4096], add_special_tokens=False)
        pieces.extend(one.ids[:longest] or [unknown] for one in encoded)
    return pieces


def _starting_vectors(tokenizer: Tokenizer, cache: Path) -> np.ndarray:  # float32 (V, MEANING_SIZE)
    teacher = teacher_vectors(tokenizer, cache)
    start = reduce_vectors(teacher, MEANING_SIZE, SEED)
    unknown = ~np.any(teacher, axis=1)
    start[unknown] = np.random.default_rng(SEED).normal(size=(int(unknown.sum()), MEANING_SIZE))
    return start


def _rarity(corpus: TokenCorpus, size: int) -> np.ndarray:  # float32 (V)
    chosen = [place for place, pair in enumerate(corpus.pairs) if pair.kind != "translation"]
    is_chinese = np.array([corpus.pairs[place].language == "zh" for place in chosen])
    return inverse_frequencies([corpus.passages[place] for place in chosen], is_chinese, size)
