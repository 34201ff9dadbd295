"""Chooses the shops that a question is about: one, several or all, by the names that a single one goes by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.platform.shops import ShopResolver, Target
    from mcp_server_tiktok_shop.state.accounts import Shop

ALL_SHOPS = "all"
SEVERAL_HINT = 'Name one, several with commas between, or "all".'


async def choose_targets(shops: ShopResolver, names: str | None, *, must_be_named: bool = False) -> list[Target]:
    """The shops of the names: one, several with commas between or as a JSON list, or `all`, each once.

    Without names all shops, or where one `must_be_named`, the only one.

    Raises:
        ShopError: `shop_required` with the shops to choose from, `signed_out`.

    """
    text = (names or "").strip()
    if not text and must_be_named:
        try:
            return [await shops.choose(None, "required")]
        except ShopError as error:
            if error.kind == "shop_required" and error.details.get("shops"):
                error.hint = SEVERAL_HINT
            raise
    if not text or text.casefold() == ALL_SHOPS:
        return await shops.list_targets() or [await shops.choose(None, "required")]
    listed = _parse_names(text) or [text]
    if len(listed) > 1:
        try:
            listed = [(await shops.choose(text, "required")).shop.label]  # type: ignore[union-attr]
        except ShopError as error:  # the comma is none of a name
            if error.kind != "shop_required":
                raise
    targets = [await shops.choose(name, "required") for name in listed]
    return list({target.shop.id if target.shop else "": target for target in targets}.values())


def names_several(names: str) -> bool:
    """Whether what was given as `shop` may mean more than one: all of them, or a list."""
    text = names.strip()
    return text.casefold() == ALL_SHOPS or "," in text or text.startswith("[")


def name_briefly(shops: Sequence[Shop]) -> list[str]:
    """What each of several shops is called in a table: its region, which `shop` takes, too, where no two share one."""
    regions = [shop.region for shop in shops]
    return regions if all(regions) and len(set(regions)) == len(regions) else [shop.label for shop in shops]


def have_one_currency(targets: Sequence[Target]) -> bool:
    """Whether an amount of money means the same at each of the shops: no two have several, and each is known."""
    currencies = {target.shop.currency if target.shop else "" for target in targets}
    return len(targets) == 1 or (len(currencies) == 1 and "" not in currencies)


def group_by_value(values: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each value by the shops that have it, with commas between; of pairs of a shop's name and its value."""
    names: dict[str, list[str]] = {}
    for name, value in values:
        names.setdefault(value, []).append(name)
    return {", ".join(shops): value for value, shops in names.items()}


def _parse_names(text: str) -> list[str]:
    if text.startswith("["):
        try:
            names = json.loads(text)
        except ValueError:
            names = None
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return names
    return [name.strip() for name in text.split(",") if name.strip()]
