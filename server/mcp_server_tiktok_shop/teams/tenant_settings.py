"""The settings of one tenant, laid over the server's so that the stricter applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.setting_declarations import parse_texts
from mcp_server_tiktok_shop.settings import SETTINGS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mcp_server_tiktok_shop.settings import Settings

    Combine = Callable[[Any, Any], Any]


def _make_ranking(*loosest_first: str) -> Combine:
    return lambda own, tenants: max(own, tenants, key=loosest_first.index)


def _choose_lower_limit(own: int, tenants: int) -> int:
    """Of two limits the lower; 0 is none."""
    return min(filter(None, (own, tenants)), default=0)


def _choose_pin(own: str | None, tenants: str) -> str:
    if own not in (None, tenants):
        raise SettingsError("--shop names another shop than the one that this server is pinned to")
    return tenants


# By the name of the setting, what holds of the server's value and the tenant's. What is listed may be chosen freely: it
# is no right, all that is not excluded can be called anyway.
RULES: Mapping[str, Combine] = {
    "shop": _choose_pin,
    "toolsets": lambda _own, tenants: tenants,
    "tools": lambda _own, tenants: tenants,
    "exclude_tools": lambda own, tenants: tuple(dict.fromkeys((*own, *tenants))),
    "read_only": lambda own, tenants: own or tenants,
    "confirm": _make_ranking("none", "asks", "all", "person"),
    "buyer_data": _make_ranking("full", "masked", "none"),
    "mirror_days": min,
    "calls_a_minute": _choose_lower_limit,
    "rows": _choose_lower_limit,
}
TENANT_SETTINGS = tuple(setting for setting in SETTINGS_BY_NAME.values() if setting.name in RULES)
ADDING_NAMES = ("exclude_tools",)  # where the tenant's value comes on top of the server's


def overlay(settings: Settings, texts: Mapping[str, str]) -> Settings:
    """The settings that hold for a tenant with these texts: where it asks for more than the server, the server's.

    Raises:
        SettingsError: A text can't be followed.

    """
    values = _parse(texts)
    return replace(settings, **{name: RULES[name](getattr(settings, name), value) for name, value in values.items()})


def ensure_stricter(settings: Settings, texts: Mapping[str, str]) -> None:
    """Go on only where each text can be followed, and none asks for more than the server itself gives.

    Raises:
        SettingsError: Naming the flag, and what the server's own value is.

    """
    effective = overlay(settings, texts)
    for name, value in _parse(texts).items():
        if name not in ADDING_NAMES and getattr(effective, name) != value:
            own = getattr(settings, name)
            raise SettingsError(
                f"{SETTINGS_BY_NAME[name].flag} {texts[name]} lets more than this server's own setting, {own}: "
                "a tenant's can only be stricter"
            )


def _parse(texts: Mapping[str, str]) -> dict[str, Any]:
    unknown = sorted(name for name in texts if name not in RULES)
    if unknown:
        raise SettingsError(f"{', '.join(unknown)} is no setting of a tenant")
    return parse_texts({name: (SETTINGS_BY_NAME[name].flag, text) for name, text in texts.items()}, SETTINGS_BY_NAME)
