"""Resolves what a call is for: a shop or a category asset; of a read also several shops, each of which is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.page_tokens import PAGE_TOKEN, make_token_error, split_page_token
from mcp_server_tiktok_shop.catalog.looks import find_lookup_ids
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.shop_choice import choose_targets, name_briefly, names_several
from mcp_server_tiktok_shop.platform.shops import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.client import PlatformClient

TOOLS_OVER_SHOPS = ("get_worklist", "get_report", "query_shop")
SEVERAL_HINT = ' Or "all", or several with commas: each is asked.'


class ShopTarget(Struct, frozen=True):
    """One of several shops, or accounts where an operation is for those: what it is called in the answer, its name.

    `page` are the arguments that go on there, where a list was read before.
    """

    label: str
    name: str
    target: Target
    page: Json

    @property
    def id(self) -> str:
        """Of the shop, or of the account."""
        return self.target.account.id if self.target.shop is None else self.target.shop.id


class SeveralTargets(Struct, frozen=True):
    """The shops that a read asks; it `is_search` where none was named, and ids tell which of them is meant."""

    shops: tuple[ShopTarget, ...]
    is_search: bool = False


class TargetResolver(Struct, frozen=True):
    """Knows for which shop or asset a call is, from what it names."""

    operations: OperationDirectory
    platform: PlatformClient

    async def resolve(self, operation: Operation, shop: str | None, asset: str | None) -> Target:
        """The shop or category asset of a call; of a named shop or a pinned server, assets of its account alone.

        Raises:
            ShopError: `shop_required` with the shops or assets to choose from, `signed_out`.

        """
        if asset is None and not _is_of_asset(operation):
            return await self._choose_shop(operation, shop)
        account = None
        if shop is not None or self.platform.shops.pinned is not None:
            account = (await self.platform.shops.choose(shop, "never")).account
        return await self.platform.assets.choose(asset, account)

    async def resolve_read(
        self, operation: Operation, values: Json, shop: str | None, asset: str | None
    ) -> Target | SeveralTargets:
        """As `resolve`, or several shops: those that are named, or all where ids alone tell which is meant.

        Raises:
            ShopError: As `resolve`; `invalid_arguments` of a page token that is not theirs.

        """
        pages = split_page_token(values.get(PAGE_TOKEN))
        if (
            asset is not None
            or _is_of_asset(operation)
            or (pages is None and shop is not None and not names_several(shop))
        ):
            return await self.resolve(operation, shop, asset)
        if pages is not None:
            return await self._resolve_pages(operation, values, pages, shop)
        if shop is None:
            try:
                return await self.resolve(operation, shop, asset)
            except ShopError as error:
                has_choice = error.kind == "shop_required" and error.details.get("shops")
                if not has_choice or not find_lookup_ids(operation, values):
                    raise
        targets = _group(operation, await choose_targets(self.platform.shops, shop))
        if len(targets) == 1:
            return targets[0].target
        if PAGE_TOKEN in values:
            allowed = "that shop as shop, or the next_page_token of a call for several"
            raise make_token_error("is one shop's, and several are asked", allowed)
        return SeveralTargets(tuple(targets), is_search=shop is None)

    async def _resolve_pages(
        self, operation: Operation, values: Json, pages: dict[str, Json], shop: str | None
    ) -> SeveralTargets:
        """The shops at which a joined token goes on: those of them that are named, or all.

        What it holds came from a caller: it is checked like any argument.
        """
        for page in pages.values():
            validate(operation, values | page, [])
        found = {
            each.id: ShopTarget(label, each.name, each.target, page)
            for label, page in pages.items()
            for each in _group(operation, await choose_targets(self.platform.shops, label))
        }
        if shop is not None:
            named_ids = {each.id for each in _group(operation, await choose_targets(self.platform.shops, shop))}
            found = {target_id: each for target_id, each in found.items() if target_id in named_ids}
        if not found:
            raise make_token_error("goes on at none of these shops", ", ".join(pages))
        return SeveralTargets(tuple(found.values()))

    async def _choose_shop(self, operation: Operation, shop: str | None) -> Target:
        """The shop of a call; who reads is told that all of them can be asked."""
        try:
            return await self.platform.shops.choose(shop, operation.cipher_rule)
        except ShopError as error:
            is_choice = error.kind == "shop_required" and error.details.get("shops") and shop is None
            if is_choice and operation.effect == "read":
                error.hint += SEVERAL_HINT
                if tools := [name for name in TOOLS_OVER_SHOPS if self.operations.are_available([name])]:
                    error.hint += f" What waits, sums and counts of all: {', '.join(tools)}."
            raise


def _is_of_asset(operation: Operation) -> bool:
    return operation.takes_asset and operation.cipher_rule == "never"


def _group(operation: Operation, targets: Sequence[Target]) -> list[ShopTarget]:
    """The shops with what each is called; of an operation that is for an account, the accounts with their shops'."""
    shops = [target.shop for target in targets if target.shop is not None]
    names = name_briefly(shops)
    if operation.cipher_rule != "never":
        return [
            ShopTarget(name, target.shop.label, target, {})
            for name, target in zip(names, targets, strict=True)
            if target.shop
        ]
    labels: dict[str, list[str]] = {}
    accounts = {target.account.id: target.account for target in targets}
    for name, target in zip(names, targets, strict=True):
        labels.setdefault(target.account.id, []).append(name)
    return [
        ShopTarget(", ".join(labels[account_id]), account.name, Target(account, None), {})
        for account_id, account in accounts.items()
    ]
