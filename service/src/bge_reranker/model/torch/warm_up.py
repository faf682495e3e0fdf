"""What the packed network of torch finds out before it serves: whether its fast bodies agree with the plain ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ...engine.notes import Note, NoteKind
from ...engine.scorer import ScorerLost
from ...precision import Precision
from ..checks.agreement import Logits, disagreement
from .attention import PlainAttention
from .network import Bodies

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
    plain = Bodies(fast.linear.reference(), PlainAttention())
    expected = score(plain)
    if _objection(score, fast, expected, precision) is None:
        return Choice(fast, ())
    linear, attention, notes = fast.linear, fast.attention, []
    objection = _objection(score, Bodies(fast.linear, plain.attention), expected, precision)
    if objection is not None:
        linear = plain.linear
        notes.append(replacement_note("linear", fast.linear.name, objection))
    objection = _objection(score, Bodies(linear, fast.attention), expected, precision)
    if objection is not None:
        attention = plain.attention
        notes.append(replacement_note("attention", fast.attention.name, objection))
    return Choice(Bodies(linear, attention), tuple(notes))


def replacement_note(computation: str, name: str, objection: str) -> Note:
    """Say, in the log and for `/info`, that a fast body was replaced."""
    facts = {"body": name, "computation": computation, "objection": objection}
    note = Note(NoteKind.BODY_REPLACED, facts)
    logger.warning("%s", note)
    return note


def _objection(score: Callable[[Bodies], Logits], bodies: Bodies, expected: Logits, precision: Precision) -> str | None:
    try:
        found = score(bodies)
    except ScorerLost:
        raise  # A plain body cannot compute on it either.
    except Exception as error:  # noqa: BLE001 - whatever a fast body raises, the plain one can serve
        return f"it raised {type(error).__name__}: {error}"
    return disagreement(found, expected, precision)
