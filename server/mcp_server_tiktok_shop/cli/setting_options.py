"""The settings as options of the command line: declared from the table of settings, and written as flags again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.settings import SETTINGS, SETTINGS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def add_setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for every setting that is no secret: a command line can be read by other users of the computer."""
    for setting in reversed(SETTINGS):
        if setting.is_secret:
            continue
        help_text = f"{setting.help} [{setting.variable}]"
        if setting.is_switch:
            option = click.option(
                setting.flag, setting.name, is_flag=True, flag_value="true", default=None, help=help_text
            )
        else:
            option = click.option(setting.flag, setting.name, default=None, help=help_text)
        command = option(command)
    return command


def to_flags(options: Mapping[str, str | None]) -> list[str]:
    """The command line that sets these options; None is one that was left out."""
    flags: list[str] = []
    for name, text in options.items():
        if text is not None:
            setting = SETTINGS_BY_NAME[name]
            flags += [setting.flag] if setting.is_switch else [setting.flag, text]
    return flags
