"""What another server says of itself under `/info`, and no more of it than has the expected shape."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Word = Annotated[str, StringConstraints(max_length=256)]


class _Part(BaseModel):
    """A part of the answer: no type is converted, numbers are finite, and what is not needed is ignored."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


class PeerModel(_Part):
    """The model that is served."""

    digest: _Digest


class PeerScorer(_Part):
    """What computes."""

    precision: _Word
    runtime: _Word


class PeerCutOff(_Part):
    """A cut-off with its equivalent."""

    name: _Word
    score: float
    equivalent: float | None


class PeerGate(_Part):
    """The gate's verdict on the served model."""

    hash: _Digest
    verdict: Literal["passed", "failed", "carried"]
    figures: dict[_Word, Any]
    cut_offs: Annotated[list[PeerCutOff], Field(max_length=64)]
    reference_digest: _Digest | None


class PeerInfo(_Part):
    """A server's description of itself."""

    ready: bool
    model: PeerModel
    scorer: PeerScorer
    text: dict[_Word, Any]
    gate: PeerGate | None = None

    def serves(self, digest: str, precision: str, runtime: str, text: dict[str, Any]) -> bool:
        """Whether it gives every pair the score that such a version gives."""
        return (self.model.digest, self.scorer.precision, self.scorer.runtime, self.text) == (
            digest,
            precision,
            runtime,
            text,
        )


def read_info(body: bytes) -> PeerInfo | None:
    """A server's answer; None where it serves nothing yet, or is of another shape."""
    try:
        return PeerInfo.model_validate_json(body)
    except ValidationError:
        return None
