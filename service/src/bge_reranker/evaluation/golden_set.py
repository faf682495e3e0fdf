"""The golden set of the relevance gate, from the settings: its bytes, and the cases that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ..errors import GateInputChanged, SettingsError
from ..settings import GateSettings
from ..text_files import SAVE_AS_UTF8, NotText, decode_text
from .cases import InvalidJudgements, RankingCase, read_cases
from .thresholds import Thresholds, gate_hash, parse_cut_offs


@dataclass(frozen=True, slots=True)
class GateInput:
    """All that a verdict depends on besides the versions."""

    cases: Sequence[RankingCase]
    thresholds: Thresholds
    hash: str
    """Of golden set and thresholds."""


def read_gate(settings: GateSettings) -> GateInput | None:
    """Read what is to be judged by; None where there is no golden set.

    Raises:
        SettingsError: If a file cannot be read.
        GateInputChanged: If the golden set is not the one that the settings name.
        InvalidJudgements: If the golden set is none; the message names the line.
    """
    source = _source(settings)
    if source is None:
        return None
    content, name = source
    found = sha256(content).hexdigest()
    if settings.golden_set_sha256 not in {None, found}:
        raise GateInputChanged(
            f"{name} has the SHA-256 {found}, and {settings.golden_set_sha256} is demanded (goldenSetSha256).",
            figures={"sha256": found, "expected_sha256": settings.golden_set_sha256},
        )
    thresholds = thresholds_of(settings)
    return GateInput(cases_of(content, name), thresholds, gate_hash(found, thresholds))


def thresholds_of(settings: GateSettings) -> Thresholds:
    """What the settings demand."""
    return Thresholds(
        settings.min_ndcg_at_10, settings.max_ndcg_loss, settings.min_kendall_tau, parse_cut_offs(settings.cut_offs)
    )


def cases_of(content: bytes, name: str) -> list[RankingCase]:
    """The judged queries in a golden set.

    Args:
        content: Its bytes.
        name: What errors call it.

    Raises:
        InvalidJudgements: If it is no text, or a line of it is wrong.
    """
    try:
        text = decode_text(content)
    except NotText as error:
        raise InvalidJudgements(f"{name} {error}.", remedy=SAVE_AS_UTF8) from error
    return read_cases(text, name)


def _source(settings: GateSettings) -> tuple[bytes, str] | None:
    """The golden set's bytes, and what to call it."""
    inline, file = settings.golden_set, settings.golden_set_file
    if inline is not None:
        return inline.encode(errors="surrogatepass"), "goldenSet"
    if file is None:
        return None
    try:
        return Path(file).read_bytes(), file
    except OSError as error:
        raise SettingsError(
            f"The golden set {file} cannot be read: {error.strerror}.",
            remedy="Mount it there, or correct goldenSetFile.",
        ) from None
