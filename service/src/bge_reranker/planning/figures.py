"""The figures of one replica, as `/info` or somebody's file has them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import SettingsError
from ..settings import EngineSettings
from .capacity import ReplicaCapacity


class Figures(BaseModel):
    """Figures that somebody wrote down."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    tokens_per_second: Annotated[float, Field(ge=1, le=1e12)]
    batch_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    request_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    gpus: Annotated[int, Field(ge=0, le=1_000)] = 0
    max_pair_tokens: Annotated[int, Field(ge=8, le=1_000_000)] = 512
    max_batch_tokens: Annotated[int, Field(ge=16, le=4_194_304)] = EngineSettings().max_batch_tokens
    max_batch_ms: Annotated[float, Field(gt=0, le=60_000)] = EngineSettings().max_batch_ms
    max_queue_tokens: Annotated[int, Field(ge=1, le=10**12)] = EngineSettings().max_queue_tokens
    deadline_s: Annotated[float, Field(gt=0, le=3_600)] = EngineSettings().deadline_s


def of_info(info: Any, place: str, request_s: float) -> ReplicaCapacity:
    """What `/info` says.

    Args:
        info: Its JSON.
        place: Where it is from.
        request_s: What a request takes besides its batches.

    Raises:
        SettingsError: If it does not say what the server can do.
    """
    values = info if isinstance(info, dict) else {}
    capacity, limits, scorer = (values.get(key) or {} for key in ("capacity", "limits", "scorer"))
    if not isinstance(capacity, dict) or not capacity:
        raise SettingsError(
            f"--from {place} does not say what the server can do.", remedy="Wait until its model is loaded."
        )
    figures = {
        "tokens_per_second": capacity.get("tokens_per_second"),
        "batch_ms": 1000 * capacity.get("batch_s", 0.0),
        "request_ms": 1000 * request_s,
        "gpus": int(str(scorer.get("device", "")).startswith("cuda")),
        **{key: limits[key] for key in Figures.model_fields if key in limits},
        **{key: scorer[key] for key in Figures.model_fields if key in scorer},
    }
    return of_figures(figures, place)


def of_figures(values: dict[str, Any], place: str) -> ReplicaCapacity:
    """Figures that were written down.

    Args:
        values: By name.
        place: Where they are from.

    Raises:
        SettingsError: If one is missing, unknown or out of its bounds.
    """
    try:
        figures = Figures.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        known = ", ".join(Figures.model_fields)
        raise SettingsError(
            f"--from {place}: {field}: {first['msg']}.", remedy=f"Write tokens_per_second, and any of: {known}."
        ) from None
    engine = EngineSettings(
        max_batch_tokens=figures.max_batch_tokens,
        max_batch_ms=figures.max_batch_ms,
        max_queue_tokens=figures.max_queue_tokens,
        deadline_s=figures.deadline_s,
    )
    return ReplicaCapacity(
        figures.tokens_per_second,
        figures.batch_ms / 1000,
        figures.request_ms / 1000,
        figures.gpus,
        figures.max_pair_tokens,
        engine,
        place,
    )
