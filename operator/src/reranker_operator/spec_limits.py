"""What a spec may ask for: Secrets, claims and ConfigMaps by name, few kinds of volumes, nothing of a node. Pure.

Who may create Rerankers need not have a right to any of these: the pods would get them through the operator's rights.
So every field that names such an object stands in `FIELDS`; a contract test finds one that does not. The chart makes an
admission policy of the same rules. No Secret has to be read for its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from .errors import NotAllowed

CLAIM_SCHEME = "pvc://"
"""What a `model.source` begins with that names a claim, as the chart knows it."""

VOLUME_KINDS = ("configMap", "downwardAPI", "emptyDir", "image", "persistentVolumeClaim", "secret")
"""Kinds of `extraVolumes`. A hostPath is the node's, a projected volume can hold a token, and the others are mounted by
the node past network policies, or name Secrets in ways of their own."""

VARIABLE_SOURCES = ("configMapKeyRef", "fieldRef", "resourceFieldRef", "secretKeyRef")
"""Where `extraEnv` may take a value from."""

CLUSTER_PRIORITY = "system-"
"""What the priority classes of the cluster's own pods begin with; they evict everybody else's."""

NOT_IN_THE_RESOURCE = (
    *("extraObjects", "extraContainers", "extraInitContainers"),
    *("serviceAccount", "podSecurityContext", "containerSecurityContext"),
    *("global", "operator", "scorer", "fetch", "shadow", "dashboard"),
)
"""Values that only who installs the chart may set: through the resource they would lend the operator's rights, those to
ConfigMaps for instance; one dashboard serves all."""

UNCONFINED_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
"""What the annotations begin with that stand for a security context, which is no field of a Reranker."""


class Problem(NamedTuple):
    """What is too much, and what to do about it: one sentence each."""

    message: str
    remedy: str


PRIORITY_REFUSED = Problem(
    f"priorityClassName begins with {CLUSTER_PRIORITY}, which is for the cluster's own pods.",
    "Name another PriorityClass.",
)
ANNOTATION_REFUSED = Problem(
    f"podAnnotations has {UNCONFINED_ANNOTATION}, which changes the security context of the pods.",
    "Remove it, or install by Helm.",
)


class Guarded(Enum):
    """Kinds of objects whose names have to match patterns."""

    SECRET = ("secrets", "Secret")
    CLAIM = ("claims", "PersistentVolumeClaim")
    CONFIG_MAP = ("configMaps", "ConfigMap")

    def __init__(self, key: str, noun: str) -> None:
        self.key = key
        """Key of the patterns in `operator.allowedNames`."""
        self.noun = noun
        """What Kubernetes calls one."""


@dataclass(frozen=True)
class Field:
    """A field of the spec that names an object.

    Attributes:
        path: Where it is; `[]` stands for each member of a list.
        scheme: What a value begins with that names one, if not all do; the name ends at the next slash.
    """

    path: str
    kind: Guarded
    scheme: str = ""

    def names(self, spec: Mapping[str, Any]) -> list[str]:
        """What is named there."""
        found = [str(value) for value in _values(spec, self.path.split(".")) if value]
        if not self.scheme:
            return found
        return [value.removeprefix(self.scheme).partition("/")[0] for value in found if value.startswith(self.scheme)]

    def in_cel(self) -> str:
        """The same as an expression of an admission policy, which has empty names beside."""
        group, is_list, rest = self.path.partition("[]")
        value = f"object.spec{_steps(group)}.orValue({'[]' if is_list else chr(39) * 2})"
        if is_list:
            return f"{value}.map(each, each{_steps(rest)}.orValue(''))" if rest else value
        if not self.scheme:
            return f"[{value}]"
        name = f"each.substring({len(self.scheme)}).split('/')[0]"
        return f"[{value}].filter(each, each.startsWith('{self.scheme}')).map(each, {name})"


FIELDS = (
    Field("image.pullSecrets[]", Guarded.SECRET),
    Field("model.source", Guarded.CLAIM, CLAIM_SCHEME),
    Field("gate.configMap.name", Guarded.CONFIG_MAP),
    Field("cache.existingClaim", Guarded.CLAIM),
    Field("ingress.tls[].secretName", Guarded.SECRET),
    Field("secrets.apiKeys.name", Guarded.SECRET),
    Field("secrets.internalToken.name", Guarded.SECRET),
    Field("secrets.jwtSecret.name", Guarded.SECRET),
    Field("secrets.jwks.name", Guarded.SECRET),
    Field("secrets.redis.name", Guarded.SECRET),
    Field("secrets.tls.name", Guarded.SECRET),
    Field("secrets.hubToken.name", Guarded.SECRET),
    Field("secrets.registry.name", Guarded.SECRET),
    Field("secrets.s3.name", Guarded.SECRET),
    Field("secrets.caBundle.name", Guarded.SECRET),
    Field("extraEnv[].valueFrom.secretKeyRef.name", Guarded.SECRET),
    Field("extraEnv[].valueFrom.configMapKeyRef.name", Guarded.CONFIG_MAP),
    Field("extraVolumes[].secret.secretName", Guarded.SECRET),
    Field("extraVolumes[].configMap.name", Guarded.CONFIG_MAP),
    Field("extraVolumes[].persistentVolumeClaim.claimName", Guarded.CLAIM),
)
"""Every field that names an object which lies beside the Reranker and holds somebody's data."""


@dataclass(frozen=True)
class AllowedNames:
    """Patterns by kind, in which `*` stands for any part of a name; without one, nothing of that kind may be named."""

    secrets: tuple[str, ...] = ("bge-reranker-*",)
    claims: tuple[str, ...] = ("bge-reranker-*",)
    config_maps: tuple[str, ...] = ("bge-reranker-*",)

    def check(self, spec: Mapping[str, Any]) -> None:
        """Let a spec pass that asks for nothing but what a Reranker may have.

        Raises:
            NotAllowed: It asks for more; all of it is named.
        """
        found = [*_keys(spec), *self._names(spec), *_volumes(spec), *_variables(spec), *_pods(spec)]
        if found:
            remedies = dict.fromkeys(problem.remedy for problem in found)
            raise NotAllowed(" ".join(problem.message for problem in found), remedy=" ".join(remedies))

    def of(self, kind: Guarded) -> tuple[str, ...]:
        """Patterns of one kind."""
        return {Guarded.SECRET: self.secrets, Guarded.CLAIM: self.claims, Guarded.CONFIG_MAP: self.config_maps}[kind]

    def _names(self, spec: Mapping[str, Any]) -> Iterator[Problem]:
        for field in FIELDS:
            kind, patterns = field.kind, self.of(field.kind)
            limit = (
                f"only name {kind.noun}s that match {' or '.join(patterns)}" if patterns else f"name no {kind.noun}s"
            )
            for name in field.names(spec):
                if not re.fullmatch(_expression(patterns), name):
                    yield Problem(
                        f"{field.path} is {name[:253]}, but a Reranker may {limit}.",
                        f"Rename the {kind.noun}, or have operator.allowedNames.{kind.key} list its name.",
                    )


def policy_rules() -> dict[str, Any]:
    """The same rules as the chart's admission policy takes them; the patterns are its own to fill in.

    Kinds of volumes and variables are not among them: the API server drops what the CRD does not know before it asks.
    """
    names = [
        {"path": field.path, "key": field.kind.key, "noun": field.kind.noun, "names": field.in_cel()}
        for field in FIELDS
    ]
    rules = [
        (f"!object.spec.?priorityClassName.orValue('').startsWith('{CLUSTER_PRIORITY}')", PRIORITY_REFUSED),
        (
            f"!object.spec.?podAnnotations.orValue({{}}).exists(key, key.startsWith('{UNCONFINED_ANNOTATION}'))",
            ANNOTATION_REFUSED,
        ),
    ]
    return {"names": names, "rules": [{"rule": rule, "message": " ".join(problem)} for rule, problem in rules]}


def _expression(patterns: Iterable[str]) -> str:
    """What a whole name has to match; a dot is nobody's name."""
    return "|".join(pattern.replace(".", "[.]").replace("*", "[a-z0-9.-]*") for pattern in patterns) or "[.]"


def _steps(path: str) -> str:
    return "".join(f".?{step}" for step in path.split(".") if step)


def _values(part: Any, steps: list[str]) -> Iterator[Any]:
    """What stands at a path; nothing where there is none, or something of another shape."""
    if not steps:
        yield part
        return
    name, is_list = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    inner = part.get(name) if isinstance(part, Mapping) else None
    members = inner if is_list and isinstance(inner, list) else [] if is_list else [inner]
    for member in members:
        yield from _values(member, steps[1:])


def _keys(spec: Mapping[str, Any]) -> Iterator[Problem]:
    for key in sorted(spec.keys() & set(NOT_IN_THE_RESOURCE)):
        yield Problem(
            f"{key} is in the spec, but only who installs the chart may set it.", "Remove it, or install by Helm."
        )


def _volumes(spec: Mapping[str, Any]) -> Iterator[Problem]:
    for volume in spec.get("extraVolumes") or ():
        for kind in sorted(volume.keys() - {"name", *VOLUME_KINDS}):
            yield Problem(
                f"extraVolumes[] has {kind}, but a Reranker may only have {', '.join(VOLUME_KINDS)}.",
                "Take one of these, or install by Helm.",
            )


def _variables(spec: Mapping[str, Any]) -> Iterator[Problem]:
    for variable in spec.get("extraEnv") or ():
        for source in sorted((variable.get("valueFrom") or {}).keys() - set(VARIABLE_SOURCES)):
            yield Problem(
                f"extraEnv[].valueFrom has {source}, but a Reranker may only have {', '.join(VARIABLE_SOURCES)}.",
                "Take one of these, or install by Helm.",
            )


def _pods(spec: Mapping[str, Any]) -> Iterator[Problem]:
    if str(spec.get("priorityClassName") or "").startswith(CLUSTER_PRIORITY):
        yield PRIORITY_REFUSED
    if any(key.startswith(UNCONFINED_ANNOTATION) for key in spec.get("podAnnotations") or {}):
        yield ANNOTATION_REFUSED
