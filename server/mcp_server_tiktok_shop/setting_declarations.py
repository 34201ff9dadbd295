"""How a setting is declared, and how its text is found in the environment and parsed."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.setting_texts import find_text_fault, read_secret_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

VARIABLE_PREFIX = "TIKTOK_SHOP_"
FILE_SUFFIX = "_FILE"


class Setting(Struct, frozen=True):
    """The declaration of one setting: its name in `Settings`, its help, and how its text is parsed.

    `parse` raises ValueError with the rest of a sentence that begins with the setting's name. `default` is for the
    documents. A secret has no flag, a switch is a flag without a value.
    """

    name: str
    help: str
    parse: Callable[[str], Any]
    default: str = ""
    is_secret: bool = False
    is_switch: bool = False

    @property
    def variable(self) -> str:
        return VARIABLE_PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def read_environment(environment: Mapping[str, str], settings: Sequence[Setting]) -> dict[str, tuple[str, str]]:
    """The variable and its text by the name of the setting; an empty variable is one that is not set.

    Raises:
        SettingsError: An unknown `TIKTOK_SHOP_` name, one that is set twice, or a secret's file that can't be read.

    """
    entries: dict[str, tuple[str, str]] = {}
    settings_by_variable = {setting.variable: setting for setting in settings}
    variables = [(name.upper(), text) for name, text in environment.items() if name.upper().startswith(VARIABLE_PREFIX)]
    nonempty_names = [name for name, text in variables if text.strip()]
    for name, text in variables:
        if nonempty_names.count(name) > 1:
            raise SettingsError(f"{name} is set more than once, in upper and lower case: remove one")
        if name in settings_by_variable:
            if text.strip():
                entries[settings_by_variable[name].name] = (name, text)
            continue
        setting = settings_by_variable.get(name.removesuffix(FILE_SUFFIX))
        if setting is None or not name.endswith(FILE_SUFFIX) or not setting.is_secret:
            suggestions = get_close_matches(
                name, [*settings_by_variable, *(s.variable + FILE_SUFFIX for s in settings if s.is_secret)], n=1
            )
            did_you_mean = f"; did you mean {suggestions[0]}?" if suggestions else ""
            raise SettingsError(f"{name} is not a setting{did_you_mean}")
        if name in nonempty_names and setting.variable in nonempty_names:
            raise SettingsError(f"{setting.variable} and {name} are both set: remove one")
        if name in nonempty_names:
            try:
                entries[setting.name] = (name, read_secret_file(text))
            except ValueError as error:
                raise SettingsError(f"{name} {error}") from None
    return entries


def parse_texts(entries: Mapping[str, tuple[str, str]], settings: Mapping[str, Setting]) -> dict[str, Any]:
    """The values by the name of the setting, of where each was found and its text; `settings` are by name.

    Raises:
        SettingsError: A text that can't be one of its setting, or a flag with none.

    """
    values: dict[str, Any] = {}
    for name, (source, text) in entries.items():
        if text.strip() == "":
            if source.startswith("--"):
                raise SettingsError(f"{source} is empty: leave it out, or give it a value")
            continue
        if fault := find_text_fault(text):
            raise SettingsError(f"{source} {fault}")
        try:
            values[name] = settings[name].parse(text)
        except ValueError as error:
            raise SettingsError(f"{source} {error}") from None
    return values
