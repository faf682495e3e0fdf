"""The demonstration model's own tokenizer: a Unigram vocabulary over Chinese and English."""

import itertools
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import jieba
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
"""In XLM-RoBERTa's order, so that the usual ids 0 to 3 hold; `<mask>` takes the last id."""

MAX_TOKENS = 512
"""Longest pair, as XLM-RoBERTa's: 514 positions less the two that its numbering skips."""

_ENGLISH_WORDS = 12_500
_ENGLISH_PIECES = 3_500
_PIECE_TEXTS = 60_000
_CHINESE_WORDS = 14_500
_MIN_CHARACTER_COUNT = 2
_CHINESE_RANGE = r"\x{3000}-\x{303f}\x{4e00}-\x{9fff}\x{ff00}-\x{ffef}"
_LATIN_WORD = re.compile(r"[A-Za-z]{2,16}")
_CHINESE_CHARACTER = re.compile(r"[\u4e00-\u9fff]")
_CHINESE_RUN = re.compile(r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]+")
_CHINESE_WORD = re.compile(r"^[\u4e00-\u9fff]{2,4}$")


def build_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Builds the tokenizer: English pieces are learnt, Chinese pieces are words and characters with their frequency.

    A Chinese Unigram model whose pieces are dictionary words with their frequencies finds the most probable
    sequence of words, which is what jieba does as well; learning such a vocabulary from the few Chinese texts here
    would miss most of the language.

    Args:
        texts: The training texts.
    """
    corpus = list(texts)
    pieces = itertools.chain(_english_pieces(corpus), _chinese_pieces(corpus))
    known = dict.fromkeys(SPECIAL_TOKENS, 0.0)
    for piece, score in pieces:
        if _is_read(piece):
            known.setdefault(piece, score)
    vocabulary = [*known.items(), ("<mask>", 0.0)]
    finished = Tokenizer(models.Unigram(vocabulary, SPECIAL_TOKENS.index("<unk>"), False))
    _set_rules(finished)
    finished.add_special_tokens([*SPECIAL_TOKENS, "<mask>"])
    finished.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return finished


def keep_read_pieces(tokenizer: Tokenizer) -> tuple[Tokenizer, list[int]]:
    """Leaves out the pieces of other scripts than Latin and Chinese, as `build_tokenizer` does.

    The few letters of those that stand in the training texts were met too seldom for their vectors to mean anything,
    and without them a word of such a script is one `<unk>`.

    Args:
        tokenizer: As a checkpoint has it.

    Returns:
        The tokenizer, and the former ids of its pieces.
    """
    content = json.loads(tokenizer.to_str())
    pieces: list[tuple[str, float]] = content["model"]["vocab"]
    kept = [index for index, (piece, _) in enumerate(pieces) if _is_read(piece)]
    content["model"]["vocab"] = [pieces[index] for index in kept]
    for token in content["added_tokens"]:
        token["id"] = kept.index(token["id"])
    return Tokenizer.from_str(json.dumps(content)), kept


def _is_read(piece: str) -> bool:
    letters = filter(str.isalpha, piece)
    return all(unicodedata.name(letter, "").startswith(("LATIN ", "CJK ")) for letter in letters)


def save_tokenizer(tokenizer: Tokenizer, directory: Path) -> None:
    """Writes the files from which transformers loads an `XLMRobertaTokenizerFast`."""
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    special = {
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    settings = special | {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
    }
    for name, content in (("special_tokens_map.json", special), ("tokenizer_config.json", settings)):
        (directory / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _set_rules(tokenizer: Tokenizer) -> None:
    """Folds compatibility forms and letter case, then cuts at blanks as XLM-RoBERTa does.

    A blank is put between Chinese and Latin letters and taken away before Chinese ones, so that `AI` is the same
    piece wherever it stands and no piece is spent on a blank alone.
    """
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
            normalizers.Replace(Regex(rf"(?<=[{_CHINESE_RANGE}])(?=[a-z0-9])|^(?=[a-z0-9])"), " "),
            normalizers.Replace(Regex(rf"\s+(?=[{_CHINESE_RANGE}])"), ""),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="never")


def _english_pieces(corpus: list[str]) -> Iterator[tuple[str, float]]:
    """Yields the commonest words with their log probability, then learnt pieces for all other words."""
    counts: Counter[str] = Counter()
    for text in corpus:
        for word in _LATIN_WORD.findall(text):
            # Acronyms carry much meaning and are rare; without a weight `AI` would be two letters.
            counts[word.lower()] += 4 if word.isupper() else 1
    total = math.log(counts.total())
    for word, count in counts.most_common(_ENGLISH_WORDS):
        yield "\u2581" + word, math.log(count) - total
    tokenizer = Tokenizer(models.Unigram())
    _set_rules(tokenizer)
    trainer = trainers.UnigramTrainer(
        vocab_size=_ENGLISH_PIECES,
        unk_token="<unk>",  # noqa: S106 - a piece, not a password
        special_tokens=["<unk>"],
        show_progress=True,
        max_piece_length=12,
    )
    sample = corpus[:: max(1, len(corpus) // _PIECE_TEXTS)]
    tokenizer.train_from_iterator((_CHINESE_RUN.sub(" ", text) for text in sample), trainer)
    for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]:
        if not _CHINESE_CHARACTER.search(piece) and piece != "<unk>":
            yield piece, score - 1.0


def _chinese_pieces(corpus: list[str]) -> Iterator[tuple[str, float]]:
    """Yields every character met twice and the commonest words with their log probability."""
    jieba.setLogLevel("ERROR")
    jieba.initialize()
    frequency: dict[str, int] = {word: count for word, count in jieba.dt.FREQ.items() if count}
    words = Counter({word: count for word, count in frequency.items() if _CHINESE_WORD.match(word)})
    chinese = [text for text in corpus if _CHINESE_CHARACTER.search(text)]
    for text in chinese:
        # A word of the technical texts counts more than its share of jieba's newspapers says.
        words.update({word: 20 for word in jieba.lcut(text) if _CHINESE_WORD.match(word)})
    characters = Counter(character for text in chinese for character in text if _CHINESE_CHARACTER.match(character))
    total = math.log(sum(frequency.values()))
    for character, count in sorted(characters.items()):
        if count >= _MIN_CHARACTER_COUNT:
            yield character, math.log(max(frequency.get(character, 1), 1)) - total
    for word, count in words.most_common(_CHINESE_WORDS):
        yield word, math.log(count) - total
    for mark in "，。！？；：、（）《》“”‘’…—【】「」·％～":
        yield mark, -6.0
