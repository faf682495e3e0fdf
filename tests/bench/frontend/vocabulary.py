"""A Unigram vocabulary of XLM-RoBERTa's size, trained here on made-up words: nothing is fetched or kept in git.

Trained once and cached; the folder's name holds the version of everything that decides its content.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from tokenizers.trainers import UnigramTrainer

VOCABULARY_SIZE = 250_000
"""As many pieces as XLM-RoBERTa's vocabulary has, to the nearest thousand."""

_VERSION = 1
"""To be raised with any change of the words or of the training."""

_SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]
_ONSETS = "b c d f g h k l m n p r s t v w z br ch cl dr fl gr kl pr sh sp st th tr".split()
_NUCLEI = "a e i o u ai ea ou".split()
_CODAS = ["", "", "", "n", "r", "s", "t", "l", "m", "nd", "st"]
_SYLLABLES = (1, 2, 2, 3, 3, 4)
"""Lengths of words, as often as they stand here."""

_WORDS = 400_000
"""Different words: enough for the trainer to find as many pieces as are wanted."""

_LINE_WORDS = 100
_ZIPF_OFFSET = 5
_REPEATED_WORDS = 600_000
"""Words of the running text in which common ones repeat, so that these become pieces of their own."""


def words() -> list[str]:
    """Give the different words, the most common first."""
    source, found = random.Random(0), dict[str, None]()
    syllables = [onset + nucleus + coda for onset in _ONSETS for nucleus in _NUCLEI for coda in _CODAS]
    while len(found) < _WORDS:
        found["".join(source.choices(syllables, k=source.choice(_SYLLABLES)))] = None
    return list(found)


def zipf_weights(count: int) -> list[float]:
    """How often each of so many words occurs, by rank: Zipf's law, flattened at its head."""
    return [1 / (rank + _ZIPF_OFFSET) for rank in range(count)]


def trained_tokenizer(cache: Path, size: int = VOCABULARY_SIZE) -> Path:
    """Train the tokenizer unless it is there, which takes a minute or two; returns its folder."""
    folder = cache / f"unigram-{size}-v{_VERSION}-tokenizers-{tokenizers.__version__}"
    if (folder / "tokenizer.json").exists():
        return folder
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()],
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = UnigramTrainer(
        vocab_size=size, special_tokens=_SPECIAL_TOKENS, unk_token="<unk>", show_progress=False, max_piece_length=16
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "unfinished"
    tokenizer.save(str(unfinished), pretty=False)
    unfinished.rename(folder / "tokenizer.json")
    return folder


def _corpus() -> Iterator[str]:
    every = words()
    yield from (" ".join(every[start : start + _LINE_WORDS]) for start in range(0, len(every), _LINE_WORDS))
    source, weights = random.Random(1), zipf_weights(len(every))
    repeated = source.choices(every, weights=weights, k=_REPEATED_WORDS)
    yield from (" ".join(repeated[start : start + _LINE_WORDS]) for start in range(0, len(repeated), _LINE_WORDS))
