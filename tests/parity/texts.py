"""Sentences in English and Chinese made in code, and the pairs that are scored."""

from __future__ import annotations

import random
from dataclasses import dataclass

PAIRS = 60
"""How many pairs are compared."""

ENGLISH_SUBJECTS = (
    "the giant panda|a river|the capital of France|our search engine|the old library|a red bicycle".split("|")
)
ENGLISH_VERBS = "lives near|belongs to|is described in|was built beside|depends on|explains".split("|")
ENGLISH_OBJECTS = "the mountains of Sichuan|a short story|the population of China|the northern gate|fresh bamboo".split(
    "|"
)
ENGLISH_ENDS = "in winter.|, as everyone knows.|; nobody asked why.|, according to page 42.|!|?".split("|")
CHINESE_SUBJECTS = "大熊猫|这条河|法国的首都|我们的搜索引擎|老图书馆|一辆红色自行车".split("|")
CHINESE_VERBS = "生活在|属于|记载于|建在|取决于|解释了".split("|")
CHINESE_OBJECTS = "四川的山里|一篇短文|中国的人口|北门旁边|新鲜的竹子".split("|")
CHINESE_ENDS = "。|,众所周知。|;没有人问为什么。|!|?".split("|")
EMOJI = ("😀", "🐼", "👍🏽", "👩‍👩‍👧‍👦", "❤️", "🇨🇳", "1️⃣")


@dataclass(frozen=True, slots=True)
class NamedPair:
    """One pair with a name that says what is special about it."""

    name: str
    query: str
    document: str


def english(generator: random.Random) -> str:
    """One English sentence."""
    parts = (ENGLISH_SUBJECTS, ENGLISH_VERBS, ENGLISH_OBJECTS)
    return " ".join(generator.choice(part) for part in parts) + generator.choice(ENGLISH_ENDS)


def chinese(generator: random.Random) -> str:
    """One Chinese sentence, without spaces."""
    return "".join(generator.choice(part) for part in (CHINESE_SUBJECTS, CHINESE_VERBS, CHINESE_OBJECTS, CHINESE_ENDS))


def training_sentences() -> list[str]:
    """What the tokenizer is trained on: 3,000 sentences of each language, and the emoji."""
    generator = random.Random(1)
    sentences = [make(generator) for _ in range(3_000) for make in (english, chinese)]
    return sentences + [f"{emoji} {emoji}" for emoji in EMOJI for _ in range(50)]


def varied_pairs() -> list[NamedPair]:
    """The pairs: ordinary ones in both languages, and every kind that once made two servers disagree.

    Raises:
        ValueError: If their number is not `PAIRS`; this is a bug.
    """
    generator = random.Random(2)
    pairs = [*_ordinary(generator), *_emoji(generator), *_odd(generator), *_long(generator)]
    if len(pairs) != PAIRS:
        raise ValueError(f"there are {len(pairs)} pairs instead of {PAIRS}; this is a bug")
    return pairs


def _ordinary(generator: random.Random) -> list[NamedPair]:
    pairs = [NamedPair(f"english {i}", english(generator), english(generator)) for i in range(8)]
    pairs += [NamedPair(f"chinese {i}", chinese(generator), chinese(generator)) for i in range(8)]
    pairs += [NamedPair(f"english, chinese {i}", english(generator), chinese(generator)) for i in range(3)]
    pairs += [NamedPair(f"chinese, english {i}", chinese(generator), english(generator)) for i in range(3)]
    repeated = NamedPair("repeated pair", english(generator), chinese(generator))
    pairs += [repeated, repeated]
    for make in (english, chinese):
        text = make(generator)
        pairs.append(NamedPair(f"equal texts, {make.__name__}", text, text))
    return pairs


def _emoji(generator: random.Random) -> list[NamedPair]:
    families = "".join(EMOJI)
    return [
        NamedPair("emoji in the query", f"🐼 {english(generator)}", english(generator)),
        NamedPair("emoji in the document", english(generator), f"{chinese(generator)}👍🏽{chinese(generator)}"),
        NamedPair("emoji only", "🐼", families),
        NamedPair("emoji, joined and flagged", families * 5, f"{families} {english(generator)}"),
        NamedPair("emoji never seen", "🦑🪼", english(generator)),
        NamedPair("emoji between all words", english(generator).replace(" ", "😀"), chinese(generator)),
    ]


def _odd(generator: random.Random) -> list[NamedPair]:
    sentence = english(generator)
    return [
        NamedPair("empty document", sentence, ""),
        NamedPair("empty query", "", sentence),
        NamedPair("both empty", "", ""),
        NamedPair("blank document", sentence, " \t\n "),
        NamedPair("spaces around both", f"  {sentence} ", f"\n{sentence}\n\n"),
        NamedPair("special tokens as text", "<s> panda </s>", f"a </s></s> b <mask> {sentence} <pad>"),
        NamedPair("full width and ligatures", "pandA 12", "the \ufb01rst \ufb03ce of \ufdfa and ㌀ ½"),
        NamedPair("combining marks", "cafe\u0301 a\u0308\u0323", "\u1112\u1161\u11ab e\u0302\u0301"),
        NamedPair("scripts never seen", "Ελλάδα", "Москва काठमांडू ירושלים"),
        NamedPair("control characters", "a\u0000b\u200bc", f"\u202e{sentence}\ufeff"),
        NamedPair("one character each", "?", "。"),
        NamedPair("digits and symbols", "3.14159 == π", "{'key': [1, 2, 3]} // 100% & <b>bold</b>"),
    ]


def _long(generator: random.Random) -> list[NamedPair]:
    def text(make_chinese: int, characters: int) -> str:
        make = chinese if make_chinese else english
        sentences: list[str] = []
        while sum(map(len, sentences)) < characters:
            sentences.append(make(generator))
        return ("" if make_chinese else " ").join(sentences)[:characters]

    short = english(generator)
    return [
        NamedPair("long english document", short, text(0, 4_000)),
        NamedPair("long chinese document", chinese(generator), text(1, 4_000)),
        NamedPair("very long english document", short, text(0, 40_000)),
        NamedPair("very long chinese document", short, text(1, 40_000)),
        NamedPair("long word without spaces", short, text(0, 6_000).replace(" ", "")),
        NamedPair("long document of many spaces", short, text(0, 3_000).replace(" ", "     ")),
        NamedPair("just below the window", short, text(0, 2_300)),
        NamedPair("long query, short document", text(0, 3_000), short),
        NamedPair("long query, empty document", text(1, 3_000), ""),
        NamedPair("query between half and three quarters, long document", text(0, 2_000), text(0, 4_000)),
        NamedPair("long english query and document", text(0, 4_000), text(0, 5_000)),
        NamedPair("long chinese query and document", text(1, 4_000), text(1, 3_000)),
        NamedPair("long query in english, long document in chinese", text(0, 5_000), text(1, 5_000)),
        NamedPair("very long query and document", text(1, 40_000), text(0, 40_000)),
        NamedPair("equal long texts", *(2 * (text(0, 4_000),))),
        NamedPair("emoji by the thousand", short, "".join(generator.choices(EMOJI, k=2_000))),
    ]
