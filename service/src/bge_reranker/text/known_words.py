"""What common words become, so that a text of known words is looked up instead of tokenised.

Where a vocabulary's pre-tokenizer separates words at spaces, each word becomes its tokens whatever stands beside it.
Words are learned from the tokenizer itself. Those of letters that never join what stands beside them are learned many
at a time, by the places of their tokens. Any other word is tokenised alone and between two others, and is looked up
only where that is the same. One with an added token, or with anything but visible characters, never is: its text is
tokenised whole, as ever.

What no such experiment shows is ruled out by the tokenizer's parts: only those are trusted that treat words on their
own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final

from tokenizers import Encoding, Tokenizer

from .components import steps

MAX_WORDS: Final = 100_000
"""Words that are kept, and as many of those before: tens of megabytes. The commonest ones are most of any text."""

MAX_WORD_CHARACTERS: Final = 32
"""Longest word that is kept; where scripts have no spaces a stretch between two of them hardly comes again."""

_BLANKS: Final = " \t\n\r"
_AS_SPACES: Final = str.maketrans(dict.fromkeys(_BLANKS, " "))
_BESIDE: Final = "a"
"""Stands on both sides of a word whose characters may join what stands beside them."""

_APART: Final = re.compile(
    r"[!-~\u00c0-\u024f\u0386-\u0481\u048a-\u052f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]+"
)
"""Words that stand apart from what is beside them: of ASCII, and of letters of Latin, Greek, Cyrillic, Kana, Han and
Hangul without marks.

Source: Unicode Standard Annex 29, whose classes Extend, SpacingMark, Prepend and ZWJ have none of these.
"""

_WORDS_AT_ONCE: Final = 500
"""Words that are learned in one text."""

_FOR_FOUND: Final = 0.5
_FOR_MISSED: Final = 0.05
"""Words that may be learned for each that was found, and for each that was not: learning one costs about as much as
finding it once saves, and texts of words that never come again are not to pay for it."""

_NORMALIZERS: Final = frozenset(
    {"BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled", "Strip"}
)
_PRE_TOKENIZERS: Final = frozenset({"BertPreTokenizer", "Metaspace", "WhitespaceSplit"})
"""Parts that treat what stands between two spaces on its own."""

_SPACES: Final = {"Regex": " {2,}"}
_ONE_SPACE: Final = frozenset({" ", "\u2581"})
"""Several spaces are the one thing that may be replaced, by one, or by Metaspace's sign for it."""

Ids = tuple[int, ...]
Encode = Callable[[list[str]], Sequence[Encoding]]
"""Tokenises texts without special tokens."""


class KnownWords:
    """Words and their tokens. Safe to use from several threads.

    Args:
        encode: Gives tokens.
        encode_with_places: Gives tokens and where in the text they are.
        added: Ids of added tokens, which take part of their surroundings with them.
        max_words: Words that are kept, and as many of those before.
    """

    def __init__(
        self, encode: Encode, encode_with_places: Encode, added: frozenset[int], max_words: int = MAX_WORDS
    ) -> None:
        self._encode = encode
        self._encode_with_places = encode_with_places
        self._added = added
        self._max_words = max_words
        # None for a word that may not be looked up, so that it is not learned again and again.
        self._words: dict[str, Ids | None] = {}
        self._before: dict[str, Ids | None] = {}
        self._credit = float(max_words)

    def __len__(self) -> int:
        return len(self._words) + len(self._before)

    def look_up(self, texts: Sequence[str]) -> list[list[int] | None]:
        """The tokens of texts of words that may be looked up, None for each other; unknown words are learned first."""
        divided = [_words_of(text) for text in texts]
        found = [None if words is None else self._ids(words) for words in divided]
        others = [words for words, ids in zip(divided, found, strict=True) if words is not None and ids is None]
        known = sum(
            len(words) for words, ids in zip(divided, found, strict=True) if words is not None and ids is not None
        )
        if self._learn(list(chain.from_iterable(others)), known):
            pairs = zip(divided, found, strict=True)
            found = [self._ids(words) if words is not None and ids is None else ids for words, ids in pairs]
        return found

    def _ids(self, words: list[str]) -> list[int] | None:
        try:
            # A word that may not be looked up is None, over which nothing goes.
            return list(chain.from_iterable(map(self._words.__getitem__, words)))  # type: ignore[arg-type]
        except (KeyError, TypeError):
            return None

    def _learn(self, listed: Sequence[str], known: int) -> bool:
        """Learn what is new among some words, as far as was earned.

        Args:
            listed: Words of texts that could not be looked up.
            known: Words of texts that could.

        Returns:
            Whether there are words now that there were not.
        """
        words = self._words
        missed = [word for word in listed if word not in words]
        earned = _FOR_FOUND * (known + len(listed) - len(missed)) + _FOR_MISSED * len(missed)
        self._credit = min(self._max_words, self._credit + earned)
        if not missed:
            return False
        unknown = dict.fromkeys(missed)
        if len(words) + len(unknown) > self._max_words:
            self._before, self._words = words, {}
        new = [word for word in unknown if not self._take_over(word)][: int(self._credit)]
        if new:
            self._credit -= len(new)
            self._words.update(zip(new, self._tokens_of(new), strict=True))
        return True

    def _take_over(self, word: str) -> bool:
        """Keep a word that was known before."""
        if word in self._before:
            self._words[word] = self._before[word]
            return True
        return False

    def _tokens_of(self, words: Sequence[str]) -> Iterable[Ids | None]:
        """What each word becomes, None where that may depend on what stands beside it."""
        fit = [word for word in words if len(word) <= MAX_WORD_CHARACTERS and word.isprintable()]
        apart = [word for word in fit if _APART.fullmatch(word)]
        found = dict(zip(apart, self._together(apart), strict=True))
        others = [word for word in fit if word not in found]
        found |= zip(others, self._one_by_one(others), strict=True)
        return (ids if (ids := found.get(word)) is not None and self._added.isdisjoint(ids) else None for word in words)

    def _together(self, words: Sequence[str]) -> list[Ids | None]:
        """The tokens of words that stand apart, some hundred of them in one text."""
        groups = [words[start : start + _WORDS_AT_ONCE] for start in range(0, len(words), _WORDS_AT_ONCE)]
        encodings = self._encode_with_places([" ".join(group) for group in groups])
        return [ids for group, encoding in zip(groups, encodings, strict=True) for ids in _divided(encoding, group)]

    def _one_by_one(self, words: Sequence[str]) -> list[Ids | None]:
        """What each word becomes alone, where that is the same between two others."""
        if not words:
            return []
        beside, *encodings = self._encode([_BESIDE, *words, *(f"{_BESIDE} {word} {_BESIDE}" for word in words)])
        alone, within = encodings[: len(words)], encodings[len(words) :]
        return [
            tuple(one.ids) if [*beside.ids, *one.ids, *beside.ids] == other.ids else None
            for one, other in zip(alone, within, strict=True)
        ]


def _divided(encoding: Encoding, words: Sequence[str]) -> list[Ids | None]:
    """The tokens of each word of a text; None for those of which one reaches into another word."""
    found: list[list[int]] = [[] for _ in words]
    crossed: set[int] = set()
    # The space before a word is its own: Metaspace makes it part of the word's first token.
    place, begins, ends = 0, -1, len(words[0])
    for token, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
        while end > ends:
            place += 1
            begins, ends = ends, ends + 1 + len(words[place])
        if start < begins:
            crossed |= {place - 1, place}
        found[place].append(token)
    return [None if place in crossed else tuple(ids) for place, ids in enumerate(found)]


def known_words(tokenizer: Tokenizer) -> KnownWords | None:
    """Begin to know words, where a tokenizer's words are independent of one another; else None."""

    def encode(texts: list[str]) -> Sequence[Encoding]:
        return tokenizer.encode_batch_fast(texts, add_special_tokens=False)

    def encode_with_places(texts: list[str]) -> Sequence[Encoding]:
        return tokenizer.encode_batch(texts, add_special_tokens=False)

    added = tokenizer.get_added_tokens_decoder()
    if any(char.isspace() for token in added.values() for char in token.content) or not _treats_words(tokenizer):
        return None
    if not _ignores_blanks(encode):
        return None
    return KnownWords(encode, encode_with_places, frozenset(added))


def _words_of(text: str) -> list[str] | None:
    """The words of a text; None where more than blanks and visible characters is in it."""
    if not text.isprintable():
        text = text.translate(_AS_SPACES)
        if not text.isprintable():
            return None
    return text.split()


def _treats_words(tokenizer: Tokenizer) -> bool:
    normalizers, splitters = steps(tokenizer.normalizer, "normalizers"), steps(tokenizer.pre_tokenizer, "pretokenizers")
    for step in normalizers:
        is_of_spaces = step.get("pattern") == _SPACES and step.get("content") in _ONE_SPACE
        if step.get("type") not in _NORMALIZERS and not is_of_spaces:
            return False
    for step in splitters:
        if step.get("type") not in _PRE_TOKENIZERS:
            return False
        # Else the first word is told from the others, or several are one piece.
        if step.get("type") == "Metaspace" and (step.get("prepend_scheme") != "always" or step.get("split") is False):
            return False
    return bool(splitters)


def _ignores_blanks(encode: Encode) -> bool:
    """Whether blanks, however many and wherever they are, do no more than separate words, unknown ones too."""
    words = ("a", "B", "\U0010fffd", "\U0010fffd", "1")
    texts = [blank.join(words) for blank in _BLANKS]
    texts += [_BLANKS.join(words), *(f"{blank}a{blank}" for blank in _BLANKS), _BLANKS, ""]
    alone = {word: found.ids for word, found in zip(words, encode(list(words)), strict=True)}
    return all(
        found.ids == list(chain.from_iterable(alone[word] for word in text.split()))
        for text, found in zip(texts, encode(texts), strict=True)
    )
