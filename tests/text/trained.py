"""Small tokenizers trained on the spot, shaped like those of XLM-RoBERTa and BERT, and texts in five scripts."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from itertools import chain

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

WORDS = (
    "the panda eats bamboo in a quiet forest near Chengdu while rivers carry snow water to fields of rice "
    "searching engines rank documents by relevance and rerankers read every pair of query and passage again "
    "déjà naïve façade Straße Ελλάδα Москва running runner runs unbelievable internationalization 2024 3.14"
).split()
HANZI = (
    "大熊猫生活在四川的竹林里吃竹子搜索引擎按照相关性排序文档重新阅读每一对查询和段落"
    "北京是中国首都今天天气很好我们去公园散步"
)
CHINESE_MARKS = ",。!?、;:「」《》"
EMOJI = ("😀", "🐼", "👍🏽", "👩‍👩‍👧‍👦", "❤️", "🇨🇳", "🇫🇷", "🏳️‍🌈", "1️⃣", "\u200d", "\ufe0f", "🫠", "☃")
EXPANDING = (
    *("\ufb01", "\ufb03", "\ufdfa", "\uff21\uff42\uff11", "\u3300", "\u00bd", "\u2460", "\u33a2", "\u2167", "\u212b"),
    *("\u1112\u1161\u11ab", "\u1100\u1161", "\uac01", "\uff76\uff9e", "\u0915\u094d\u0937", "\u0e01\u0e33"),
    *("e\u0301", "a\u0308\u0323", "\u0344", "\u1e9b\u0323", "o\u0302\u0303\u0304", "\u00a8", "\u2026"),
    *("\u00a0", "\u3000", "\u200b"),
)
"""Ligatures, full-width forms, Hangul letters, combining marks and spaces that normalisation changes."""


def latin(generator: random.Random) -> str:
    """Words, some of them never seen, with marks and uneven spaces."""
    kind = generator.random()
    if kind < 0.7:
        return generator.choice(WORDS) + generator.choice((" ", " ", " ", ", ", ". ", "-", "  "))
    letters = generator.choices("abcdefghijklmnopqrstuvwxyzäéñ", k=generator.randint(1, 12))
    return "".join(letters) + generator.choice((" ", ""))


def chinese(generator: random.Random) -> str:
    """Characters without spaces, some of them never seen."""
    kind = generator.random()
    if kind < 0.85:
        return "".join(generator.choices(HANZI, k=generator.randint(1, 6)))
    if kind < 0.93:
        return chr(generator.randint(0x4E00, 0x4E40) if kind < 0.9 else generator.randint(0x4E00, 0x9FFF))
    return generator.choice(CHINESE_MARKS + " ")


def emoji(generator: random.Random) -> str:
    """Emoji of one and of several code points, next to words."""
    return generator.choice(EMOJI) if generator.random() < 0.6 else latin(generator)


def expanding(generator: random.Random) -> str:
    """Characters that normalisation splits, joins or removes."""
    return generator.choice(EXPANDING) if generator.random() < 0.6 else latin(generator)


def mixed(generator: random.Random) -> str:
    """Everything next to everything."""
    return generator.choice((latin, chinese, emoji, expanding))(generator)


SCRIPTS: dict[str, Callable[[random.Random], str]] = {
    "latin": latin,
    "chinese": chinese,
    "mixed": mixed,
    "emoji": emoji,
    "expanding": expanding,
}


POOL_CHARACTERS = 100_000
"""Length of the text per script from which samples are taken."""


@cache
def _pool(script: str) -> str:
    generator = random.Random(script)
    pieces: list[str] = []
    length = 0
    while length < POOL_CHARACTERS:
        pieces.append(SCRIPTS[script](generator))
        length += len(pieces[-1])
    return "".join(pieces)


def sample_text(generator: random.Random, script: str, max_characters: int) -> str:
    """A text of at most that many characters, cut at both ends without regard to anything."""
    start = generator.randrange(POOL_CHARACTERS - max_characters)
    return _pool(script)[start : start + generator.randint(0, max_characters)]


def _corpus() -> list[str]:
    generator = random.Random(7)
    texts = chain.from_iterable((sample_text(generator, script, 200) for _ in range(300)) for script in SCRIPTS)
    return [text for text in texts if text]


@cache
def xlm_roberta_json() -> str:
    """A Unigram tokenizer with NFKC, Metaspace and the layout `<s> q </s></s> d </s>`, serialised."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=1600, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer.to_str()


@cache
def bert_json() -> str:
    """A lower-casing WordPiece tokenizer with the layout `[CLS] q [SEP] d [SEP]` and two segments, serialised."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=1600, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer.to_str()


@cache
def roberta_json() -> str:
    """A byte-level BPE tokenizer with RoBERTa's own post-processor, serialised."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        sep=("</s>", 2), cls_token=("<s>", 0), add_prefix_space=False
    )
    return tokenizer.to_str()


FAMILIES: dict[str, Callable[[], str]] = {"xlm_roberta": xlm_roberta_json, "bert": bert_json, "roberta": roberta_json}
