"""What the packed network of torch finds out before it serves: whether its fast bodies agree with the plain ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...engine.notes import Note, NoteKind
from ...engine.scorer import ScorerLost
from ...errors import SettingsError
from ...precision import Precision
from ..checks.agreement import Logits, disagreement
from .network import COMPUTATIONS, Bodies

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """The bodies that will serve, and what to say about them."""

    bodies: Bodies
    """One of fast and plain for each computation."""

    notes: tuple[Note, ...]
    """One for every fast body that was replaced."""


def choose_bodies(score: Callable[[Bodies], Logits], fast: Bodies, precision: Precision) -> Choice:
    """Compare fast bodies with plain ones on the same pairs and keep those that agree.

    Args:
        score: Scores the trial pairs with the given bodies, over weights that `fast.linear` has packed.
        fast: The bodies to be tried.
        precision: Sets the bound.
    """
    chosen = fast.reference()
    expected = score(chosen)
    if _objection(score, fast, expected, precision) is None:
        return Choice(fast, ())
    notes = []
    for computation in COMPUTATIONS:
        body = getattr(fast, computation)
        tried = replace(chosen, **{computation: body})
        objection = _objection(score, tried, expected, precision)
        if objection is None:
            chosen = tried
        else:
            notes.append(replacement_note(computation, body.name, objection))
    return Choice(chosen, tuple(notes))


def replacement_note(computation: str, name: str, objection: str) -> Note:
    """Say, in the log and for `/info`, that a fast body was replaced."""
    facts = {"body": name, "computation": computation, "objection": objection}
    note = Note(NoteKind.BODY_REPLACED, facts)
    logger.warning("%s", note)
    return note


def refuse_replaced(notes: Sequence[Note]) -> None:
    """Refuse to serve with plain bodies, where only fast ones are wanted.

    Raises:
        SettingsError: If a fast body was replaced.
    """
    for note in notes:
        if note.kind is NoteKind.BODY_REPLACED:
            raise SettingsError(
                f"model.bodies is fast, but {note}.",
                remedy="Set bodies to auto, which serves with the plain form, or update torch and the driver.",
            )


def _objection(score: Callable[[Bodies], Logits], bodies: Bodies, expected: Logits, precision: Precision) -> str | None:
    try:
        found = score(bodies)
    except ScorerLost:
        raise  # A plain body cannot compute on it either.
    except Exception as error:  # noqa: BLE001 - whatever a fast body raises, the plain one can serve
        return f"it raised {type(error).__name__}: {error}"
    return disagreement(found, expected, precision)
