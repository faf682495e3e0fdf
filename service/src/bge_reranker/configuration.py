"""Where settings come from: defaults < file < environment < flags, merged as plain dicts and validated once.

Nothing looks at the environment later. What a setting means is in `settings`.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from typing_extensions import override

from .errors import SettingsError
from .setting_bounds import setting_bounds
from .settings import GUARDS, UNGROUPED_NAMES, Settings, choices_of
from .text_files import SAVE_AS_UTF8, NotText, read_text

ENVIRONMENT_PREFIX = "BGE_RERANKER_"
"""Start of every environment variable that this program reads as a setting."""

JSON_VARIABLE = "BGE_RERANKER_CONFIG"
"""Environment variable that may hold a whole configuration file as JSON, as a pod template does."""

FORMER_KEYS = {("model", "model"): "source"}
"""Keys of the configuration file that were renamed to a field; they are read for one release, with a warning."""

_SERVICE_LINK = re.compile(r"^BGE_RERANKER_.*(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$")
"""Variables that Kubernetes injects for a Service called bge-reranker; they are not settings."""

_SERVICE_LINK_VALUE = re.compile(r"^(tcp|udp|sctp)://")
"""Value of the one injected variable, BGE_RERANKER_PORT, whose name is also a setting's."""

_PASSWORD = re.compile(r"(//[^/\s:@]*:)[^/\s]+(@)")
"""Password in an address, before its host; there may be an @ in it."""

_OPTION = re.compile(r"([?&][^=&#]*=)[^&#]+")
"""Value of an option in an address, such as the signature of a download."""

_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

_MOST_SHOWN = 1024
"""Characters from which on a value is not repeated in an error; the chart has the same bound."""

_log = logging.getLogger("bge_reranker.configuration")


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML would silently take the last; reads JSON's surrogate pairs."""

    @override
    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> str:
        text: str = super().construct_scalar(node)
        # JSON escapes an emoji as two surrogates, which YAML takes for two characters.
        return _SURROGATE_PAIR.sub(lambda found: found[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(problem=f"{', '.join(twice)} is there twice")
        return super().construct_mapping(node, deep)


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of one group, under all its names."""

    group: str
    field: str
    info: FieldInfo

    @property
    def key(self) -> str:
        """Name in the configuration file, for example engine.maxBatchTokens."""
        return f"{self.group}.{self.info.alias or self.field}"

    @property
    def name(self) -> str:
        """Name without the group, as Python callers write it and as flag and variable derive from it."""
        return UNGROUPED_NAMES.get(self.field, self.field)

    @property
    def variable(self) -> str:
        """Name in the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """Name on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_secret(self) -> bool:
        """True where the value must never be shown."""
        return SecretStr in (self.info.annotation, *get_args(self.info.annotation))


def settings_list() -> Iterator[Setting]:
    """Yield every setting in the order of the settings module."""
    for group, group_info in Settings.model_fields.items():
        group_type = group_info.annotation
        if not (isinstance(group_type, type) and issubclass(group_type, BaseModel)):
            raise TypeError(f"{group} is not a group of settings; this is a bug")
        for field, info in group_type.model_fields.items():
            yield Setting(group, field, info)


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    on_former_key: Callable[[str], None] = _log.warning,
) -> Settings:
    """Merge all sources and validate them once.

    Args:
        file: Configuration file, YAML or JSON.
        environment: Environment variables; those without our prefix are left alone.
        flags: Ungrouped name to value, only those that were given.
        on_former_key: Called with a sentence about each key that goes by its former name.

    Raises:
        SettingsError: If a source cannot be read, or names an unknown setting, or a value is impossible.
    """
    merged: dict[str, dict[str, Any]] = {}
    if file is not None:
        _merge(merged, _renamed(_read_file(file), str(file), on_former_key), str(file))
    variables = {name: value for name, value in (environment or {}).items() if name.startswith(ENVIRONMENT_PREFIX)}
    if JSON_VARIABLE in variables:
        parsed = _parse(variables.pop(JSON_VARIABLE), JSON_VARIABLE)
        _merge(merged, _renamed(parsed, JSON_VARIABLE, on_former_key), JSON_VARIABLE)
    _merge(merged, _from_variables(variables), "the environment")
    _merge(merged, _from_flags(flags or {}), "the command line")
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def by_name(settings: Settings, *groups: str) -> dict[str, Any]:
    """The settings of some groups, by ungrouped name, as `load_settings` takes them for flags."""
    return {
        setting.name: getattr(getattr(settings, setting.group), setting.field)
        for setting in settings_list()
        if setting.group in groups
    }


def masked(settings: Settings) -> dict[str, Any]:
    """The effective settings for the log; pydantic shows secrets as asterisks, and of texts only the length is said."""
    shown = settings.model_dump(mode="json", by_alias=True)
    if settings.gate.golden_set is not None:
        shown["gate"]["goldenSet"] = f"{len(settings.gate.golden_set)} characters"
    return {
        group: {
            name: _without_secrets(f"{group}.{name}", value) if isinstance(value, str) else value
            for name, value in part.items()
        }
        for group, part in shown.items()
    }


def _without_secrets(key: str, value: str) -> str:
    """A setting's value with stars for what may be secret in it."""
    shown = without_password(value)
    return _OPTION.sub(r"\1***", shown) if setting_bounds()[key].is_address else shown


def without_password(text: str) -> str:
    """A text in which stars stand for the passwords of the addresses in it."""
    return _PASSWORD.sub(r"\1***\2", text)


def _read_file(file: Path) -> Any:
    try:
        text = read_text(file)
    except NotText as error:
        raise SettingsError(f"The configuration file {file} {error}.", remedy=SAVE_AS_UTF8) from None
    return _parse(text, str(file))


def _parse(text: str, source: str) -> Any:
    try:
        # YAML is a superset of JSON, so one reader serves both.
        parsed = yaml.load(text, _UniqueKeyLoader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, RecursionError) as error:
        # Without the line itself: there may be a secret in it.
        place = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is nested too deeply, or holds what YAML does not know"
        problem += f" in line {place.line + 1}, column {place.column + 1}" if place is not None else ""
        raise SettingsError(
            f"{source} is neither YAML nor JSON: {problem}.", remedy='For example {"engine": {"deadlineS": 30}}.'
        ) from None
    if parsed is None:
        # A template that was not filled in, or a mount that failed, would remove every guard that was meant.
        raise SettingsError(f"{source} is empty.", remedy="Write settings into it, or {} where none are meant.")
    return parsed


def _renamed(parsed: Any, source: str, on_former_key: Callable[[str], None]) -> Any:
    """What a source says, by the names that keys have now."""
    for (group, former), field in FORMER_KEYS.items():
        values = parsed.get(group) if isinstance(parsed, Mapping) else None
        if not isinstance(values, Mapping) or former not in values:
            continue
        if field in values:
            raise SettingsError(f"{source}: {group}.{field} is there twice, once as {group}.{former}, its former name.")
        on_former_key(
            f"{source}: {group}.{former} is called {group}.{field} now; the next release does not read the former name."
        )
        parsed = {**parsed, group: {field if name == former else name: value for name, value in values.items()}}
    return parsed


def _merge(merged: dict[str, dict[str, Any]], addition: Any, source: str) -> None:
    if not isinstance(addition, Mapping):
        raise SettingsError(f"{source} must hold groups of settings ({_groups()}), not {type(addition).__name__}.")
    names = {group: _names_of(group) for group in Settings.model_fields}
    for group, values in addition.items():
        if group not in names:
            raise SettingsError(f"{source}: unknown group {group!r}.", remedy=f"Known groups: {_groups()}.")
        if not isinstance(values, Mapping):
            raise SettingsError(f"{source}: {group} must hold settings by name, not {type(values).__name__}.")
        for name, value in values.items():
            if name not in names[group]:
                known = ", ".join(sorted({setting.key for setting in settings_list() if setting.group == group}))
                raise SettingsError(f"{source}: unknown setting {group}.{name}.", remedy=f"Known: {known}.")
            field = names[group][name]
            if name != field and field in values:
                raise SettingsError(f"{source}: {group}.{name} is there twice, once as {field}.")
            if field in GUARDS and _is_empty(value):
                raise SettingsError(
                    f"{source}: {_called(group, field)} is empty, and what it guards would be open.",
                    remedy="Give it a value, or leave it out.",
                )
            merged.setdefault(group, {})[field] = value


def _called(group: str, field: str) -> str:
    """A setting by all its names, as errors call it."""
    (setting,) = (each for each in settings_list() if (each.group, each.field) == (group, field))
    return f"{setting.key} (flag {setting.flag}, variable {setting.variable})"


def _names_of(group: str) -> dict[str, str]:
    """Both spellings of each field of a group, camelCase and snake_case, to the field's own name."""
    names: dict[str, str] = {}
    for setting in settings_list():
        if setting.group == group:
            names[setting.field] = setting.field
            names[setting.info.alias or setting.field] = setting.field
    return names


def _groups() -> str:
    return ", ".join(Settings.model_fields)


def _from_variables(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    known = {setting.variable: setting for setting in settings_list()}
    found: dict[str, dict[str, Any]] = {}
    for name, value in variables.items():
        setting = known.get(name)
        if setting is None or (setting.field == "port" and _SERVICE_LINK_VALUE.match(value)):
            if _SERVICE_LINK.match(name):
                continue
            raise SettingsError(
                f"Environment variable {name} is not a setting.",
                remedy="`bge-reranker settings` lists them all; remove or correct it.",
            )
        text = _from_text(value, choices_of(setting.info.annotation))
        found.setdefault(setting.group, {})[setting.field] = text
        if _is_empty(text) and not (bounds := setting_bounds()[setting.key]).may_be_null:
            raise SettingsError(
                f"Environment variable {name} is {value.strip() or 'empty'}; {setting.key} must be {bounds.words}.",
                remedy="Give the variable a value, or unset it for the default.",
            )
    return found


def _from_text(value: str, choices: frozenset[str]) -> Any:
    """A variable's text: `null` unsets, anything else is left to pydantic, which reads numbers from text."""
    text = value.strip()
    return None if text.lower() in {"null", "none", ""} - choices else text


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _from_flags(flags: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    known = {setting.name: setting for setting in settings_list()}
    found: dict[str, dict[str, Any]] = {}
    for name, value in flags.items():
        setting = known.get(name)
        if setting is None:
            raise SettingsError(f"{name} is not a setting.", remedy="`bge-reranker settings` lists them all.")
        if value is None and setting.field in GUARDS:
            # What a Python caller passes on without having been given it.
            continue
        found.setdefault(setting.group, {})[setting.field] = value
    return found


def _explain(error: ValidationError) -> str:
    """One sentence a problem, each naming the setting, what was given and what is allowed."""
    sentences = []
    by_location = {(setting.group, setting.field): setting for setting in settings_list()}
    by_location |= {(setting.group, setting.info.alias or ""): setting for setting in settings_list()}
    for problem in error.errors(include_url=False):
        location = tuple(str(part) for part in problem["loc"])
        setting = by_location.get((location[0], location[1])) if len(location) >= 2 else None  # noqa: PLR2004 - group and field
        if setting is None:
            # The rules between settings, which are whole sentences, and what has no setting of its own.
            sentences.append(str(problem["msg"]).removeprefix("Value error, ").rstrip(".") + ".")
            continue
        bounds = setting_bounds()[setting.key]
        given = _shown(problem["input"]) if bounds.may_repeat(problem["input"]) else "wrong"
        given = "a secret" if setting.is_secret else given
        names = f"{setting.key} (flag {setting.flag}, variable {setting.variable})"
        hint = f" {problem['ctx']['error']}" if problem["type"] == "value_error" else ""
        sentences.append(f"{names} is {given}; {bounds.sentence}{hint}")
    return " ".join(sentences)


def _shown(value: Any) -> str:
    """A value as JSON, but not what contains others: by YAML's aliases it may be without end, or itself again."""
    if isinstance(value, list | dict):
        return f"a {type(value).__name__}"
    shown = without_password(json.dumps(value, default=str))
    return shown if len(shown) < _MOST_SHOWN else "wrong"
