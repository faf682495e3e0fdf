"""What lies on the Deployment about changes of its model, so that a deleted status or a new process changes nothing.

It is written in the same request as the pod template. At rest there is none, unless somebody asked for another try or a
kept version. Pure.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from .versions import Version

RECORD = "bge-reranker.io/model-change"
"""Annotation of the Deployment."""

MOST_VERDICTS = 10
LONGEST_MESSAGE = 800


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Change(_Part):
    """A change to a version, from the moment it is wanted until all pods have it.

    Attributes:
        version: What is changed to.
        began: When it was wanted first.
        rolled_at: When the pod template got it; empty before.
        serving: What to return to should it fail; None before the template has changed, and if nothing served.
        is_return: It is the way back, or away from a version that is wanted no more.
        in_place_at: When it was announced that pods go in place for lack of a node; empty otherwise.
        shadowed_since: When its shadow was ready first; empty before, and without one.
        was_compared: Its shadow did what was demanded of it.
    """

    version: Version
    began: str
    rolled_at: str = ""
    serving: Version | None = None
    is_return: bool = False
    in_place_at: str = ""
    shadowed_since: str = ""
    was_compared: bool = False

    @property
    def waiting(self) -> Self:
        """The same before the template has changed."""
        return self.model_copy(update={"rolled_at": "", "serving": None})


class FinalVerdict(_Part):
    """A version failed, and is not tried again in this pod template.

    Attributes:
        shape: Of the pod template in which it failed.
        at: When.
    """

    version: Version
    shape: str
    code: str
    message: str
    began: str = ""
    at: str = ""


class Pin(_Part):
    """An annotation that asks for a kept version.

    Attributes:
        asked: Its text.
        version: The version that it means; None if there is none.
        instead_of: The model that the spec named then: with another one the pin is over.
    """

    asked: str
    version: Version | None
    instead_of: Version


class Record(_Part):
    """The whole.

    Attributes:
        verdicts: The newest first.
        retry: The request for another try that was honoured last.
    """

    change: Change | None = None
    verdicts: tuple[FinalVerdict, ...] = ()
    retry: str = ""
    pin: Pin | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the annotation; one that was tampered with counts for nothing."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            return cls()

    def text(self) -> str:
        """As an annotation; empty if there is nothing to remember."""
        return "" if self == Record() else self.model_dump_json(exclude_defaults=True)

    def verdict_on(self, version: Version, shape: str) -> FinalVerdict | None:
        """Whether and why it is not tried."""
        return next((each for each in self.verdicts if (each.version, each.shape) == (version, shape)), None)

    def having(self, **parts: Any) -> Self:
        """With other parts."""
        return self.model_copy(update=parts)

    def judged(self, verdict: FinalVerdict) -> Self:
        """With a verdict; an older one on the same is gone."""
        others = [each for each in self.verdicts if (each.version, each.shape) != (verdict.version, verdict.shape)]
        return self.having(verdicts=(verdict, *others)[:MOST_VERDICTS])
