"""What a dialect declares of its errors: statuses, remedies, and the keys that its clients read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, get_args

Case = Literal[
    "empty", "too_many", "too_long", "bad_type", "bad_json", "overloaded", "not_ready", "unscored", "wrong_key"
]
"""What can be wrong, as far as dialects disagree about it."""

CASES: Final[tuple[Case, ...]] = get_args(Case)


@dataclass(frozen=True, slots=True)
class Statuses:
    """HTTP status of each case."""

    empty: int = 422
    too_many: int = 422
    too_long: int = 422
    bad_type: int = 422
    bad_json: int = 422
    overloaded: int = 429
    not_ready: int = 503
    unscored: int = 500
    wrong_key: int = 401

    def of(self, case: Case) -> int:
        """The status of one case."""
        status: int = getattr(self, case)
        return status


BAD_REQUEST: Final = Statuses(empty=400, too_many=400, too_long=400, bad_type=400, bad_json=400)
"""Of families whose servers say 400 of whatever a caller can mend."""


@dataclass(frozen=True, slots=True)
class Remedies:
    """What a caller can do about a text that is too long, in fields of its own dialect."""

    long_document: str = "Shorten it, or set the server's longDocuments to cut, windows_max or windows_mean."
    long_query: str = "Shorten it, or set the server's maxQueryTokens."

    names_context_length: bool = False
    """Whether the sentence begins as vLLM's does: its clients know by these words that a text is too long, and read the
    number behind them."""


class ErrorForm:
    """How one family says what is wrong; where nothing is declared, and where no dialect is known, as we do."""

    statuses: ClassVar[Statuses] = Statuses()

    old_statuses: ClassVar[Mapping[Case, int]] = {}
    """Statuses of older versions of its server, with teiValidation413."""

    remedies: ClassVar[Remedies] = Remedies()

    error_kinds: ClassVar[Mapping[Case, str]] = {}
    """Its server's own words under `error_type`; our code where there is none."""

    error_object: ClassVar[Literal["never", "by_name", "always"]] = "never"
    """When `error` is an object: where only such clients call, or once the dialect was asked for by name."""

    lists_problems: ClassVar[bool] = False
    """Whether `detail` is a list of problems, as FastAPI writes it."""
