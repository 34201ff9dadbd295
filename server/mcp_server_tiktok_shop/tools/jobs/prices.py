"""The job `change_prices`: new prices of many SKUs, worked out from those of now."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step, group_by_product
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.money import get_fraction_digits, parse_amount
from mcp_server_tiktok_shop.tools.jobs.change_lists import list_names, read_changes, refuse_changes
from mcp_server_tiktok_shop.tools.jobs.change_rules import PERCENT, Ending
from mcp_server_tiktok_shop.tools.jobs.promotion_locks import find_price_locks
from mcp_server_tiktok_shop.tools.jobs.sku_matches import match_skus
from mcp_server_tiktok_shop.tools.pattern_words import TitleMatch, describe_patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.sku_matches import SkuMatch

WRITE = "update_price"
ON_SALE = "ACTIVATE"
CROSS_BORDER = "CROSS_BORDER"
UNKNOWN_CURRENCY_DIGITS = 2
MAX_NAMED_SKUS = 20  # of many that one warning is about
SMALLEST_TENTH = Decimal("0.05")  # percent: less has two digits, since -0.0 % is none
ROUNDING_PARTS = 3  # an ending is warned of that moves a price by more than this part of the change that was asked


class ChangePricesJob(Job, frozen=True):
    """`files` are those that a table of prices may be read from."""

    files: AllowedFiles

    async def plan(self, values: Json, context: JobContext) -> Plan:
        change_list = await read_changes(values, "price", self.files)
        shop = context.target.shop
        currency = shop.currency if shop else ""
        named = await match_skus(context, change_list, WRITE)
        matches, state = named.matches, named.state
        currencies = {str((match.sku.get("price") or {}).get("currency") or currency) for match in matches} - {""}
        if len(currencies) > 1:
            message = f"Prices stand in {' and '.join(sorted(currencies))}: which one is meant can't be told."
            raise ShopError(
                "invalid_arguments", message, problems=(Problem(change_list.argument, "has two currencies"),)
            )
        currency = next(iter(currencies), currency)
        foreign = [match for match in matches if match.change.currency.upper() not in ("", currency)]
        if foreign:
            faults = [(match.change, f"is given in {match.change.currency}") for match in foreign]
            raise refuse_changes(change_list.argument, faults, f"{currency}, the shop's own")
        digits = get_fraction_digits(currency)
        unit = Decimal(1).scaleb(-(UNKNOWN_CURRENCY_DIGITS if digits is None else digits))
        finer = [match for match in matches if match.change.rule.fixed is not None and match.change.rule.fixed % unit]
        if finer:
            faults = [(match.change, f"would cost {match.change.rule.fixed}") for match in finer]
            raise refuse_changes(change_list.argument, faults, f"a multiple of {unit}, as {currency} has it")
        ending = Ending.parse(values["ending"], unit) if values.get("ending") and matches else None
        field = "sale_price" if shop and shop.seller_type == CROSS_BORDER else "amount"
        locks, unread = await find_price_locks(context)
        items = tuple(
            _make_item(match, unit, ending, currency, field, locks.get(match.product.id, "")) for match in matches
        )
        warnings = _warn_of_rounding(matches, items, unit, str(values.get("ending", "")))
        patterns = describe_patterns(list_names(change_list.changes), TitleMatch.from_products(state.items))
        fixed = [match.change for match in matches if match.change.rule.fixed is not None]
        bare_amounts = tuple(change.place for change in fixed if not change.currency)
        return Plan((*items, *named.missing), state, (*unread, *warnings), (patterns,), named.found, bare_amounts)

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """One write for each product, which the platform does as a whole or not at all."""
        return [
            Step(WRITE, {"product_id": product_id, "skus": [item.parameters["sku"] for item in some]}, some)
            for product_id, some in group_by_product(items).items()
        ]

    def find_now(self, item: JobItem, state: Sequence[Json]) -> str | None:
        """Its price, with the currency."""
        rows = (row for thing in state for row in thing.get("skus") or ())
        row: Json = next((row for row in rows if str(row.get("id")) == item.id), {})
        price = row.get("price.sale_price")
        return f"{price} {row.get('price.currency', '')}".strip() if price else None


def _make_item(match: SkuMatch, unit: Decimal, ending: Ending | None, currency: str, field: str, lock: str) -> JobItem:
    """One SKU with its new price, or why it gets none, such as the `lock` of a promotion."""
    price = match.sku.get("price") or {}
    now = _read_price(match)
    rule = match.change.rule
    will_be, reason = Decimal(0), ""
    if match.status != ON_SALE:
        reason = f"it is {match.status}: TikTok takes a new price of live products alone"
    elif now is None and rule.is_relative:
        reason = "its price of now can't be read"
    elif lock:
        reason = lock
    else:
        will_be = rule.apply(now or Decimal(0), unit, ending)
        if will_be < unit:
            reason = f"it would come to {will_be:f} {currency}"
        elif will_be == now:
            reason = "it has that price already"
    amount = f"{will_be.quantize(unit):f}"
    sku = {"id": match.id, "price": {"currency": currency, field: amount}}
    return JobItem(
        "sku",
        match.id,
        match.names,
        f"{price['sale_price']} {currency}" if price.get("sale_price") else "",
        "" if reason else f"{amount} {currency}",
        reason,
        rule.is_relative,
        {"product_id": match.product.id, "sku": sku},
        details={} if reason or not now else {"change": _describe_percent(now, will_be)},
    )


def _describe_percent(now: Decimal, will_be: Decimal) -> str:
    percent = (will_be - now) / now * PERCENT
    return f"{percent:+.{1 if abs(percent) >= SMALLEST_TENTH else 2}f} %"


def _describe_wish(match: SkuMatch, now: Decimal, asked: Decimal) -> str:
    """By how much a price was to change, as it was given where that is by percent."""
    percent = match.change.rule.percent
    return _describe_percent(now, asked) if percent is None else f"{percent:+f} %"


def _warn_of_rounding(
    matches: Sequence[SkuMatch], items: Sequence[JobItem], unit: Decimal, ending: str
) -> Iterator[str]:
    """Of prices whose change differs by more than a third from what was asked, maybe to the other side."""
    far = []
    for match, item in zip(matches, items, strict=True):
        now, will_be = _read_price(match), _read_amount(item)
        if not ending or not now or will_be is None or not item.will_be:
            continue
        asked = match.change.rule.apply(now, unit)
        if asked != now and abs(will_be - asked) * ROUNDING_PARTS > abs(asked - now):
            name = match.sku.get("seller_sku") or match.id
            far.append(f"{name} {item.details['change']} for {_describe_wish(match, now, asked)}")
    if far:
        more = f" and {len(far) - MAX_NAMED_SKUS} more" if len(far) > MAX_NAMED_SKUS else ""
        named = ", ".join(far[:MAX_NAMED_SKUS])
        yield f"The ending {ending} misses the change that was asked by more than a third: {named}{more}"


def _read_price(match: SkuMatch) -> Decimal | None:
    return parse_amount((match.sku.get("price") or {}).get("sale_price"))


def _read_amount(item: JobItem) -> Decimal | None:
    """The price that an item is to have."""
    return next(parse_amount(value) for name, value in item.parameters["sku"]["price"].items() if name != "currency")
