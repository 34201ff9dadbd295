"""Settings as command line options: made from the table of settings, and written back as flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from mcp_server_tiktok_shop.setting_declarations import FILE_SUFFIX
from mcp_server_tiktok_shop.settings import SETTINGS, SETTINGS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mcp_server_tiktok_shop.setting_declarations import Setting
    from mcp_server_tiktok_shop.settings import Settings

ENVIRONMENT_META_KEY = "mcp_server_tiktok_shop.environment"  # of a click context: what the settings were read from


def add_setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for every setting that is no secret: a command line can be read by other users of the computer."""
    for setting in reversed(SETTINGS):
        if not setting.is_secret:
            command = make_option(setting, f"{setting.help} [{setting.variable}]")(command)
    return command


def make_option(setting: Setting, help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option of a setting, whose text it hands on by the setting's name; None where it is not given."""
    if setting.is_switch:
        return click.option(setting.flag, setting.name, is_flag=True, flag_value="true", default=None, help=help_text)
    return click.option(setting.flag, setting.name, default=None, help=help_text)


def write_flags(texts: Mapping[str, str], exclude: Collection[str] = ()) -> list[str]:
    """The command line that sets these texts by the name of the setting; a switch that is off needs none."""
    flags: list[str] = []
    for name, text in texts.items():
        setting = SETTINGS_BY_NAME[name]
        if name in exclude:
            continue
        if not setting.is_switch:
            flags += [setting.flag, text]
        elif setting.parse(text):
            flags.append(setting.flag)
    return flags


class SettingTexts(Struct, frozen=True):
    """What is set on a command line and in the environment, as texts that mean the same from any folder.

    `public` is by the name of the setting, `secret_files` by the variable that names a secret's file.
    `secret_variables` are those that hold a secret themselves.
    """

    public: Mapping[str, str]
    secret_files: Mapping[str, str]
    secret_variables: list[str]

    @classmethod
    def collect(
        cls, settings: Settings, environment: Mapping[str, str], options: Mapping[str, str | None]
    ) -> SettingTexts:
        """From what `settings` were read from: a flag wins over its variable, and an empty variable is not set."""
        variables = {name.upper(): text for name, text in environment.items() if text.strip()}
        public: dict[str, str] = {}
        secret_files: dict[str, str] = {}
        for setting in SETTINGS:
            option, variable_text = options.get(setting.name), variables.get(setting.variable)
            text = variable_text if option is None else option
            if setting.is_secret:
                if file_path := variables.get(setting.variable + FILE_SUFFIX):
                    secret_files[setting.variable + FILE_SUFFIX] = str(Path(file_path).expanduser().absolute())
            elif text is not None:
                value = getattr(settings, setting.name)
                public[setting.name] = str(value) if isinstance(value, Path) else text.strip()
        if "XDG_DATA_HOME" in variables and "home" not in public:  # a client may not pass it on
            public["home"] = str(settings.home)
        secret_variables = [s.variable for s in SETTINGS if s.is_secret and s.variable in variables]
        return cls(public, secret_files, secret_variables)

    def to_flags(self, exclude: Collection[str] = ()) -> list[str]:
        """The command line that sets what is public; a switch that is off needs none."""
        return write_flags(self.public, exclude)
