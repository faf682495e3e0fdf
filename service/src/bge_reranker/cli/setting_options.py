"""Settings as command-line options: every option is generated from its field, so none can be forgotten."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import click
from click.core import ParameterSource

from ..configuration import Setting, settings_list
from .numbers import Number, WholeNumber

_SHORT_FLAGS = {"cache_dir": ("--dir",)}
"""Second names of options that people type often."""

Command = TypeVar("Command", bound=Callable[..., Any])


def setting_options(*groups: str) -> Callable[[Command], Command]:
    """Add an option for each setting of these groups, or of all.

    Args:
        groups: Names of groups; none for all.
    """
    return _options([setting for setting in settings_list() if not groups or setting.group in groups])


def field_options(*names: str) -> Callable[[Command], Command]:
    """Add an option for each of these settings.

    Args:
        names: Their ungrouped names.
    """
    by_name = {setting.name: setting for setting in settings_list()}
    return _options([by_name[name] for name in names])


def _options(settings: Sequence[Setting]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for setting in reversed(settings):
            command = _option(setting)(command)
        return command

    return add


def given_flags(context: click.Context) -> Mapping[str, Any]:
    """The settings that were given on this command line, by ungrouped name."""
    names = {setting.name for setting in settings_list()}
    return {
        name: value
        for name, value in context.params.items()
        if name in names and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }


def shown_default(setting: Setting) -> str:
    """A setting's default as people write it."""
    default = setting.info.default
    if default is None:
        return "unset"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _option(setting: Setting) -> Callable[[Command], Command]:
    text = " ".join((setting.info.description or "").split())
    # A switch takes no value, in no command.
    flag = f"{setting.flag}/--no-{setting.flag[2:]}" if setting.info.annotation is bool else setting.flag
    return click.option(
        flag,
        *_SHORT_FLAGS.get(setting.name, ()),
        setting.name,
        type=_type(setting.info.annotation),
        default=None,
        metavar=None,
        help=f"{text}  [default: {shown_default(setting)}; env: {setting.variable}]",
    )


def _type(annotation: Any) -> click.ParamType[Any, Any]:
    """The option's type. Bounds are left to the settings, whose message names every spelling of the setting."""
    if get_origin(annotation) in {Union, types.UnionType}:
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is Literal:
        return click.Choice(get_args(annotation), case_sensitive=False)
    types_by_annotation: dict[Any, click.ParamType[Any, Any]] = {int: WholeNumber(), float: Number(), bool: click.BOOL}
    return types_by_annotation.get(annotation, click.STRING)
