"""Versions of a model as pods have them: source, revision, digest and the gate that judged them. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from typing_extensions import override

MODEL = "bge-reranker.io/model"
"""Annotation of the pod template: the version, as JSON."""

GATE = "bge-reranker.io/gate-hash"
"""Annotation of the pod template: what the relevance gate judges by; none without a gate."""

SHADOW = "bge-reranker.io/shadow"
"""Annotation of the pod template, with the value `fed`: its pods feed a shadow while there is one."""

SHORTEST_DIGEST = 8
"""Digits of a digest that name a version."""

_Text = Annotated[str, StringConstraints(max_length=4096)]


class Version(BaseModel):
    """A model and what it was judged by: another gate is another version."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    source: _Text
    revision: _Text = ""
    digest: _Text = ""
    gate: _Text = ""

    @classmethod
    def of_annotations(cls, annotations: Mapping[str, str] | None) -> Self | None:
        """Of a pod or its template; None if it does not say."""
        annotations = annotations or {}
        try:
            version = cls.model_validate_json(annotations.get(MODEL, ""))
        except ValidationError:
            return None
        return version.model_copy(update={"gate": str(annotations.get(GATE, ""))})

    @classmethod
    def of_template(cls, template: Mapping[str, Any]) -> Self | None:
        """Of a pod template."""
        return cls.of_annotations((template.get("metadata") or {}).get("annotations"))

    @property
    def model(self) -> dict[str, str]:
        """As the chart's values have it."""
        return {"source": self.source, "revision": self.revision, "digest": self.digest}

    @property
    def ungated(self) -> Self:
        """The model alone."""
        return self.model_copy(update={"gate": ""})

    def is_called(self, text: str) -> bool:
        """Whether somebody may mean this one: by revision, source, both, the first digits of the digest, or as JSON."""
        names = {self.source, self.revision, f"{self.source}@{self.revision}", self.source.rpartition("@")[2]} - {""}
        is_its_digest = len(text) >= SHORTEST_DIGEST and self.digest.startswith(text)
        return text in names or is_its_digest or Version.of_annotations({MODEL: text}) == self.ungated

    @override
    def __str__(self) -> str:
        return f"{self.source}@{self.revision}" if self.revision else self.source


def find(text: str, known: Iterable[Version]) -> Version | None:
    """The version that somebody means: the first of those known that is called so, and no other."""
    return next((version for version in known if version.is_called(text)), None)


def feeds(template: Mapping[str, Any]) -> bool:
    """Whether pods of a template feed a shadow while there is one."""
    return bool(((template.get("metadata") or {}).get("annotations") or {}).get(SHADOW) == "fed")


def shape_of(template: Mapping[str, Any]) -> str:
    """Short digest of a pod template as it is rendered: what failed in one may pass in another."""
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:16]
