"""Judged queries, and the two file formats they are read from: JSON lines and TREC."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RerankerError
from ..errors.printable import counted
from ..plain_numbers import plain_whole_number
from ..text_files import SAVE_AS_UTF8, NotText, read_text

DEFAULT_GROUP = "all"
"""Name of the group of cases whose file does not name one."""

MAX_GRADE = 1_000
"""Highest grade of a candidate; measures add gains up, and web search itself uses no more than 4."""

_FEWEST_GRADES = 2
"""Different grades among a query's candidates, below which no order is better than another."""

_BEIR_COLUMNS = 3

_GRADE_HEADERS = frozenset({"score", "relevance", "rel", "grade", "label"})
"""Names of a judgement's last column in a first line that names columns, as BEIR's has."""


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
    """Reads judged queries from a file of JSON lines.

    Args:
        path: The file.

    Raises:
        InvalidJudgements: The file is no text, or as `read_cases` says.
    """
    return read_cases(_text(path), str(path))


def read_cases(text: str, name: str) -> list[RankingCase]:
    """Reads judged queries from JSON lines.

    Each line is an object with `query` (text), optionally `group` (text), and either `positive` and `negative` (lists
    of texts) or `candidates`, a list of objects with `text` and `grade` (a whole number, 0 for not relevant).

    Args:
        text: The lines.
        name: What errors call the text, such as its path.

    Raises:
        InvalidJudgements: A line is not such an object, or any order of its candidates would be as good as another; the
            message names the line.
    """
    cases = [_case_from_line(line, f"{name}:{number}") for number, line in _numbered(text) if line.strip()]
    if not cases:
        raise InvalidJudgements(
            f"{name} holds no judged query: give one JSON object a line, with query, positive and negative"
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


def _case_from_line(line: str, location: str) -> RankingCase:
    try:
        content: dict[str, Any] = json.loads(line)
        query, group = content["query"], content.get("group", DEFAULT_GROUP)
        grades = _graded(content["candidates"], location) if "candidates" in content else _sorted(content, location)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidJudgements(
            f"{location}: needs query, and positive and negative or candidates ({type(error).__name__})."
        ) from error
    if not isinstance(query, str) or not isinstance(group, str):
        raise InvalidJudgements(f"{location}: needs texts as query and group.")
    if not query:
        raise InvalidJudgements(f"{location}: the query is empty.", remedy="Give it a text, or leave the line out.")
    return RankingCase(_encodable(query), grades, group)


def _sorted(content: Mapping[str, Any], location: str) -> dict[str, int]:
    """Grades of a line that says of each text no more than whether it is relevant."""
    positive, negative = content["positive"], content["negative"]
    # A text in a list's place would count as a list of its characters.
    if not isinstance(positive, list) or not isinstance(negative, list):
        raise InvalidJudgements(f"{location}: needs lists of positive and negative texts")
    if not positive or not negative or not all(isinstance(text, str) for text in [*positive, *negative]):
        raise InvalidJudgements(f"{location}: needs texts, at least one of them positive and one negative")
    # A text on both sides counts as relevant.
    return dict.fromkeys(map(_encodable, negative), 0) | dict.fromkeys(map(_encodable, positive), 1)


def _graded(candidates: Any, location: str) -> dict[str, int]:
    """Grades of a line that says how relevant each text is."""
    if not isinstance(candidates, list):
        raise InvalidJudgements(f"{location}: candidates needs a list of objects with text and grade.")
    grades: dict[str, int] = {}
    for number, candidate in enumerate(candidates, 1):
        text, grade = (candidate.get(key) if isinstance(candidate, dict) else None for key in ("text", "grade"))
        # True is a whole number to Python.
        if not isinstance(text, str) or type(grade) is not int or not 0 <= grade <= MAX_GRADE:
            raise InvalidJudgements(
                f"{location}: candidate {number} needs a text and a grade, a whole number from 0 to {MAX_GRADE}."
            )
        if grades.setdefault(_encodable(text), grade) != grade:
            raise InvalidJudgements(f"{location}: candidate {number} has the text of an earlier one, graded otherwise.")
    if len(set(grades.values())) < _FEWEST_GRADES:
        raise InvalidJudgements(
            f"{location}: its candidates do not differ in grade, so that every order is as good.",
            remedy="Grade at least one candidate above another, or leave the line out.",
        )
    return grades


def _encodable(text: str) -> str:
    """Replaces what JSON can hold and UTF-8 cannot, lone surrogates, as the scorer does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def load_trec_cases(
    *,
    queries: Path,
    documents: Path,
    qrels: Path,
    run: Path | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> list[RankingCase]:
    """Reads judged queries from the files of TREC or BEIR.

    Args:
        queries: `id<TAB>text` per line, or BEIR's JSON objects with `_id` and `text`.
        documents: The same; a `title` of BEIR's goes before the text.
        qrels: `query 0 document grade` per line, or BEIR's `query document grade` below a line that names the columns.
        run: `query Q0 document rank score tag` per line: the candidates to rerank. Without it each query's judged
            documents are its candidates.
        say: Called with a sentence about queries that are left out.

    Returns:
        One case per query that has a relevant candidate, in the order of `queries`.

    Raises:
        InvalidJudgements: A file has a malformed line or names an unknown query or document, a query that would be
            ranked for has no text, or no case remains.
    """
    query_texts, document_texts = _texts(queries), _texts(documents)
    grades = _grades(qrels)
    candidates: Mapping[str, Sequence[str]] = _candidates(run) if run else {query: [*grades[query]] for query in grades}
    for file, named in ((qrels, grades), (run, candidates)):
        if unknown := [query for query in named if query not in query_texts]:
            raise InvalidJudgements(
                f"{file} names {counted(len(unknown), 'query', 'queries')} that {queries} does not have, the "
                f"first of them {unknown[0]!r}.",
                remedy="Give the queries that the judgements are for.",
            )
    try:
        cases = list(_trec_cases(query_texts, document_texts, grades, candidates))
    except KeyError as error:
        raise InvalidJudgements(f"document {error} is not in {documents}") from error
    if not cases:
        raise InvalidJudgements(f"no query of {queries} has a relevant candidate")
    if left_out := len(query_texts) - len(cases):
        say(f"{left_out} of {len(query_texts)} queries are left out: they have no relevant candidate.")
    return cases


def _trec_cases(
    queries: Mapping[str, str],
    documents: Mapping[str, str],
    grades: Mapping[str, Mapping[str, int]],
    candidates: Mapping[str, Sequence[str]],
) -> Iterator[RankingCase]:
    for identity, query in queries.items():
        judged = grades.get(identity, {})
        graded: dict[str, int] = {}
        for document in candidates.get(identity, ()):
            text = documents[document]
            # Two documents with the same text keep the better grade; TREC's negative grades mean junk.
            graded[text] = max(graded.get(text, 0), judged.get(document, 0), 0)
        if any(graded.values()):
            if not query:
                raise InvalidJudgements(f"query {identity} is empty.", remedy="Give it a text, or leave it out.")
            yield RankingCase(query, graded)


def _grades(qrels: Path) -> dict[str, dict[str, int]]:
    """Grades by query and document."""
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for number, line in _lines(qrels):
        columns = _columns(line)
        if not columns or (number == 1 and columns[-1].lower() in _GRADE_HEADERS):
            continue
        # TREC's second column is always 0, and BEIR leaves it out.
        judged = columns if len(columns) == _BEIR_COLUMNS else [columns[0], *columns[2:]]
        found = plain_whole_number(judged[-1]) if len(judged) == _BEIR_COLUMNS else None
        if found is None:
            raise InvalidJudgements(
                f"{qrels}:{number}: needs a query, 0, a document and a whole number, or BEIR's three columns."
            )
        query, document, _ = judged
        if grades[query].setdefault(document, found) != found:
            raise InvalidJudgements(f"{qrels}:{number}: judges document {document} for query {query} again, otherwise.")
    return grades


def _candidates(run: Path) -> dict[str, list[str]]:
    """Documents by query, in the run's order."""
    candidates: defaultdict[str, list[str]] = defaultdict(list)
    for number, line in _lines(run):
        columns = _columns(line)
        if not columns:
            continue
        try:
            query, _, document, _, _, _ = columns
        except ValueError:
            raise InvalidJudgements(f"{run}:{number}: needs query, Q0, document, rank, score and tag.") from None
        candidates[query].append(document)
    return candidates


def _columns(line: str) -> list[str]:
    """A line's columns, between tabs where it has any: identifiers may hold spaces then."""
    return [column.strip() for column in line.split("\t")] if line.count("\t") > 1 else line.split()


def _texts(path: Path) -> dict[str, str]:
    """Texts by identifier."""
    texts: dict[str, str] = {}
    for number, line in _lines(path):
        if not line.strip():
            continue
        identity, text = (_beir_text if line.startswith("{") else _tab_separated)(line, f"{path}:{number}")
        if texts.setdefault(identity, text) != text:
            raise InvalidJudgements(f"{path}:{number}: the identifier {identity} is there before, with another text.")
    return texts


def _tab_separated(line: str, location: str) -> tuple[str, str]:
    identity, tab, text = line.partition("\t")
    if not tab:
        raise InvalidJudgements(f"{location}: needs an identifier, a tab and a text")
    return identity.strip(), text


def _beir_text(line: str, location: str) -> tuple[str, str]:
    try:
        content = json.loads(line)
        identity, text, title = content["_id"], content["text"], content.get("title") or ""
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidJudgements(f"{location}: needs _id and text ({type(error).__name__}).") from error
    if not all(isinstance(value, str) for value in (identity, text, title)):
        raise InvalidJudgements(f"{location}: needs texts under _id, text and title.")
    return identity, _encodable(f"{title} {text}".strip())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields a file's lines with their numbers."""
    yield from _numbered(_text(path))


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    """Yields a text's lines with their numbers, the first of which is 1."""
    yield from enumerate(text.removesuffix("\n").split("\n"), 1)


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except NotText as error:
        raise InvalidJudgements(f"{path} {error}.", remedy=SAVE_AS_UTF8) from error
