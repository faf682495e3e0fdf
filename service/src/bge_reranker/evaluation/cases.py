"""Judged queries and the two file formats they are read from.

Belongs here: `RankingCase`, the readers of JSON lines and TREC files, the writer of the former. Must not be
here: scores or measures.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ir_measures import read_trec_qrels, read_trec_run

from ..errors import RerankerError

DEFAULT_GROUP = "all"
"""Name of the group of cases whose file does not name one."""


class InvalidJudgements(RerankerError):
    """A judged set cannot be read; the message names the file, the line and what is wrong."""


@dataclass(frozen=True)
class RankingCase:
    """One query with judged candidates.

    Attributes:
        query: Text of the query.
        grades: Relevance by candidate text; 0 is not relevant. Its order carries no meaning.
        group: Cases of one group are averaged and printed together.
    """

    query: str
    grades: Mapping[str, int]
    group: str = DEFAULT_GROUP

    @property
    def documents(self) -> list[str]:
        """The candidates in an order that does not depend on their grade, so that ties favour nobody."""
        return sorted(self.grades, key=document_identity)


def document_identity(document: str) -> str:
    """Returns a document's identifier in runs and judgements: a digest of its text."""
    return hashlib.sha256(document.encode()).hexdigest()[:24]


def load_cases(path: Path) -> list[RankingCase]:
    """Reads judged queries from JSON lines.

    Each line is an object: `query` (text), `positive` and `negative` (lists of texts), optionally `group` (text).

    Args:
        path: The file.

    Raises:
        InvalidJudgements: A line is not such an object, or has no positive or no negative, or the file is not UTF-8.
    """
    cases = [_case_from_line(line, f"{path}:{number}") for number, line in _lines(path) if line.strip()]
    if not cases:
        raise InvalidJudgements(
            f"{path} holds no judged query: give one JSON object a line, with query, positive and negative"
        )
    return cases


def save_cases(cases: Sequence[RankingCase], path: Path) -> None:
    """Writes judged queries as `load_cases` reads them; of grades it keeps whether they are above 0."""
    with path.open("w", encoding="utf-8") as stream:
        for case in cases:
            positive = [text for text in case.documents if case.grades[text] > 0]
            negative = [text for text in case.documents if case.grades[text] <= 0]
            line = {"query": case.query, "positive": positive, "negative": negative, "group": case.group}
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def _case_from_line(line: str, place: str) -> RankingCase:
    try:
        content: dict[str, Any] = json.loads(line)
        positive, negative = content["positive"], content["negative"]
        query, group = content["query"], content.get("group", DEFAULT_GROUP)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidJudgements(f"{place}: needs query, positive and negative ({error!r})") from error
    # A text in a list's place would count as a list of its characters.
    if not isinstance(positive, list) or not isinstance(negative, list):
        raise InvalidJudgements(f"{place}: needs lists of positive and negative texts")
    texts = [query, group, *positive, *negative]
    if not positive or not negative or not all(isinstance(text, str) for text in texts):
        raise InvalidJudgements(f"{place}: needs texts, at least one of them positive and one negative")
    # A text on both sides counts as relevant.
    grades = dict.fromkeys(map(_encodable, negative), 0) | dict.fromkeys(map(_encodable, positive), 1)
    return RankingCase(_encodable(query), grades, group)


def _encodable(text: str) -> str:
    """Replaces what JSON can hold and UTF-8 cannot, lone surrogates, as the scorer does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def load_trec_cases(*, queries: Path, documents: Path, qrels: Path, run: Path | None = None) -> list[RankingCase]:
    """Reads judged queries from TREC files.

    Args:
        queries: `id<TAB>text` per line.
        documents: `id<TAB>text` per line.
        qrels: `query 0 document grade` per line.
        run: `query Q0 document rank score tag` per line: the candidates to rerank. Without it each query's judged
            documents are its candidates.

    Returns:
        One case per query that has a relevant candidate, in the order of `queries`.

    Raises:
        InvalidJudgements: A file has a malformed line or names an unknown document, or no case remains.
    """
    query_texts, document_texts = _tab_separated(queries), _tab_separated(documents)
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    candidates: defaultdict[str, list[str]] = defaultdict(list)
    try:
        for judgement in read_trec_qrels(str(qrels)):
            grades[judgement.query_id][judgement.doc_id] = judgement.relevance
        for line in read_trec_run(str(run)) if run else ():
            candidates[line.query_id].append(line.doc_id)
        cases = list(_trec_cases(query_texts, document_texts, grades, candidates if run else grades))
    except ValueError as error:
        raise InvalidJudgements(f"{qrels} or {run}: malformed line ({error})") from error
    except KeyError as error:
        raise InvalidJudgements(f"document {error} is not in {documents}") from error
    if not cases:
        raise InvalidJudgements(f"no query of {queries} has a relevant candidate")
    return cases


def _trec_cases(
    queries: Mapping[str, str],
    documents: Mapping[str, str],
    grades: Mapping[str, Mapping[str, int]],
    candidates: Mapping[str, Sequence[str] | Mapping[str, int]],
) -> Iterator[RankingCase]:
    for identity, query in queries.items():
        judged = grades.get(identity, {})
        graded: dict[str, int] = {}
        for document in candidates.get(identity, ()):
            text = documents[document]
            # Two documents with the same text keep the better grade; TREC's negative grades mean junk.
            graded[text] = max(graded.get(text, 0), judged.get(document, 0), 0)
        if any(graded.values()):
            yield RankingCase(query, graded)


def _tab_separated(path: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, line in _lines(path):
        identity, tab, text = line.rstrip("\n").partition("\t")
        if not tab:
            raise InvalidJudgements(f"{path}:{number}: needs an identifier, a tab and a text")
        texts[identity] = text
    return texts


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields a file's lines with their numbers, the first of which is 1."""
    try:
        with path.open(encoding="utf-8") as stream:
            yield from enumerate(stream, 1)
    except UnicodeDecodeError as error:
        raise InvalidJudgements(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
