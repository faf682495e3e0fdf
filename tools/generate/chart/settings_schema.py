"""The schema of `config`, from the service's settings.

It has names and types. Bounds and choices are in files/rules.json: what a schema refuses, Helm says in words of its
own, before it asks the templates, which have the service's sentence. Descriptions have the bounds for people, and
editors find the choices in `examples`.
"""

from __future__ import annotations

from inspect import getdoc
from typing import Any

from pydantic.alias_generators import to_camel

from bge_reranker.setting_bounds import SettingBounds, setting_bounds
from bge_reranker.settings import GUARDS, GateSettings, Settings

OWNED = {
    "model.source": "model.source",
    "model.revision": "model.revision",
    "model.expectDigest": "model.digest",
    "model.cacheDir": None,
    "model.claimsDir": None,
    "http.port": None,
    "http.managementPort": None,
    "guard.apiKeys": None,
    "guard.keysFile": None,
    "http.tlsCertFile": None,
    "http.tlsKeyFile": None,
    "guard.internalTokenFile": None,
    "guard.jwtSecretFile": None,
    "guard.jwksFile": None,
    "guard.redisPasswordFile": None,
    "guard.caFile": None,
    **{f"gate.{to_camel(name)}": None for name in GateSettings.model_fields},
    **{f"gate.{name}": f"gate.{name}" for name in ("goldenSet", "minNdcgAt10", "maxNdcgLoss", "minKendallTau")},
    "gate.goldenSetSha256": "gate.configMap.sha256",
    "shadow.hosts": None,
    "shadow.sampleRatio": "rollout.shadow.sampleRatio",
    "observe.terminationLog": None,
}
"""Settings that the chart decides itself and `config` must not have, each with the value that it comes from, if any."""

GIVEN_BY = {
    "guard.caFile": "secrets.caBundle.name",
    "guard.jwtSecretFile": "secrets.jwtSecret.name",
    "guard.jwksFile": "secrets.jwks.name",
    "guard.redisPasswordFile": "secrets.redis.name",
    "http.tlsCertFile": "secrets.tls.name",
    "http.tlsKeyFile": "secrets.tls.name",
    "gate.goldenSetFile": "gate.configMap.name",
    "gate.cutOffs": "gate.cutOffs",
}
"""Owned settings that the chart gives to the service where a value of its own is given."""

Schema = dict[str, Any]


def path_of(key: str) -> str | None:
    """Where the chart has a setting, or what it is given by; None where the chart decides it alone."""
    return GIVEN_BY.get(key, OWNED.get(key, f"config.{key}"))


def config_schema() -> Schema:
    """One object a group, unknown names refused."""
    found: dict[str, Schema] = {}
    for setting in config_settings():
        group, name = setting.key.split(".")
        found.setdefault(group, {})[name] = _field(setting)
    return _object({name: {**_object(fields), "description": _description(name)} for name, fields in found.items()})


def config_settings() -> list[SettingBounds]:
    """The settings that `config` may have."""
    if unknown := OWNED.keys() - setting_bounds():
        raise ValueError(f"there is no setting {', '.join(sorted(unknown))}, which the chart claims to own")
    return [setting for key, setting in setting_bounds().items() if key not in OWNED]


def _field(setting: SettingBounds) -> Schema:
    """One setting; `X or null` becomes a type with null in it."""
    says = f" It must be {setting.words}." if setting.bounds else ""
    schema: Schema = {"description": f"{setting.description}{says}"}
    # A guard that is named and left empty refuses to start.
    is_guard = setting.key.split(".")[1] in {to_camel(name) for name in GUARDS}
    schema["type"] = [setting.type, "null"] if setting.may_be_null and not is_guard else setting.type
    if "enum" in setting.bounds:
        schema["examples"] = setting.bounds["enum"]
    return schema if setting.default is None else {**schema, "default": setting.default}


def _description(group: str) -> str:
    return " ".join((getdoc(Settings.model_fields[group].annotation) or "").split())


def _object(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}
