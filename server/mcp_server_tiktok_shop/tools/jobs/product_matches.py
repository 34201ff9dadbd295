"""Finds the products and SKUs meant by names (id, seller SKU or title), refusing ambiguous ones."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.current_state import CurrentState
from mcp_server_tiktok_shop.calls.jobs.job import JobItem, divide
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.product_titles import WILDCARD, fits_exactly, fits_partly, fits_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json

ID_PATTERN = re.compile(r"\d{15,20}", re.ASCII)
IDS_PER_SEARCH = 10  # seller SKUs or SKU ids that one search takes
PAGE_SIZE = 100
ON_SALE, DELETED = "ACTIVATE", "DELETED"
MAX_CANDIDATES = 10  # names that an error tells of
MAX_FITS = 50  # of each of them that are listed
MISSING_REASON = "this shop has no such product"
ALL_PRODUCTS = "all"  # as the only name
Products = dict[str, "Item"]  # by id, as they were read


class ProductMatch(Struct, frozen=True):
    """What a name means: a product, or of it the one SKU `sku_id`."""

    name: str
    product_id: str
    sku_id: str = ""


async def match_products(
    context: JobContext,
    argument: str,
    names: Iterable[str],
    operation_name: str,
    *,
    all_status: str = ON_SALE,
    has_titles: bool = True,
) -> tuple[list[ProductMatch], CurrentState]:
    """What each of the names means, and how those products stand, by the looks of the write `operation_name`.

    The name `all` alone means every product of the status `all_status`, one with a `*` each whose title
    is so, whatever stands in its place. Without `has_titles` names are ids and seller SKUs alone.

    Raises:
        ShopError: `not_found` with all names that fit nothing, unless the call is for other shops as well, or others
            fit in a table (without `has_titles`),
            `invalid_arguments` with the candidates of those that fit several things.

    """
    open_names = list(dict.fromkeys(name.strip() for name in names))
    if open_names == [ALL_PRODUCTS]:
        all_rows = await context.read_rows("search_products", {"status": all_status, "page_size": PAGE_SIZE})
        all_products = await _load_products(context, [str(row["id"]) for row in all_rows], operation_name)
        _refuse_unreadable(all_products.values())
        matches = [ProductMatch(ALL_PRODUCTS, product_id) for product_id in all_products]
        return matches, CurrentState(tuple(all_products.values()))
    found: dict[str, list[ProductMatch]] = {}
    ids = [name for name in open_names if ID_PATTERN.fullmatch(name)]
    products = await _load_products(context, ids, operation_name)
    found |= {name: [ProductMatch(name, name)] for name in ids if not products[name].problem}
    rows: dict[str, Json] = {}
    for field, key in (("seller_skus", "seller_sku"), ("sku_ids", "id")):
        wanted = [n for n in open_names if n not in found and (key != "id" or ID_PATTERN.fullmatch(n))]
        for row in await _search(context, field, wanted):
            rows[str(row["id"])] = row
        found |= _match_rows(wanted, rows.values(), partial(_find_skus, key))
    wanted = [name for name in open_names if name not in found]
    if wanted and has_titles:
        rows |= {
            str(row["id"]): row
            for row in await context.read_rows("search_products", {"status": "ALL", "page_size": PAGE_SIZE})
        }
        found |= _match_rows(wanted, rows.values(), partial(_find_title, fits_exactly))
        found |= _match_rows([n for n in wanted if WILDCARD in n], rows.values(), partial(_find_title, fits_pattern))
        found |= _match_rows([n for n in wanted if n not in found], rows.values(), partial(_find_title, fits_partly))
    # A warehouse lists goods that are sold elsewhere, too: what a table has of them is skipped by name.
    if not context.has_other_shops and (has_titles or not found):
        _refuse_unmatched(argument, [name for name in open_names if name not in found], products)
    _refuse_ambiguous(argument, found, rows)
    matches = [match for name in open_names for match in found.get(name, ())]
    more_ids = [match.product_id for match in matches if match.product_id not in products]
    products |= await _load_products(context, more_ids, operation_name)
    wanted_ids = dict.fromkeys(match.product_id for match in matches)
    _refuse_unreadable(products[product_id] for product_id in wanted_ids)
    return matches, CurrentState(tuple(products[i] for i in wanted_ids))


def list_missing(names: Iterable[str], matches: Iterable[ProductMatch]) -> list[JobItem]:
    """The names that mean nothing here, as they may in a call that is for other shops as well."""
    missing = dict.fromkeys(name.strip() for name in names).keys() - {ALL_PRODUCTS, *(match.name for match in matches)}
    return [JobItem("product", name, skip_reason=MISSING_REASON, is_missing=True) for name in sorted(missing)]


def list_found(matches: Iterable[ProductMatch], places: Mapping[str, str] | None = None) -> Json:
    """As `Plan.found`, the names that mean something here; `places` are those where each stands for one shop alone."""
    names = dict.fromkeys(match.name for match in matches if WILDCARD not in match.name and match.name != ALL_PRODUCTS)
    return {name: (places or {}).get(name, "") for name in names}


async def _load_products(context: JobContext, ids: Iterable[str], operation_name: str) -> Products:
    """The products of these ids; one that can't be read has a `problem`."""
    distinct_ids = list(dict.fromkeys(ids))
    if not distinct_ids:
        return {}
    argument = next(n for n in ("product_ids", "product_id") if n in context.operations.get(operation_name).arguments)
    state = await context.read_state(operation_name, {argument: distinct_ids})
    return {item.id: item for item in state.items if item.noun == "product"}


async def _search(context: JobContext, field: str, names: Sequence[str]) -> list[Json]:
    """The products that have one of these SKUs."""
    answers = await context.read_each(
        "search_products",
        [{"status": "ALL", "page_size": PAGE_SIZE, field: list(some)} for some in divide(names, IDS_PER_SEARCH)],
    )
    rows: list[Json] = []
    for answer in answers:
        if isinstance(answer, ShopError):
            raise answer
        rows += answer.get("products") or []
    return rows


def _match_rows(
    names: Iterable[str], rows: Iterable[Json], find: Callable[[str, Json], list[str]]
) -> dict[str, list[ProductMatch]]:
    """The matches of each name that has any; what is deleted counts where nothing else fits."""
    all_rows = list(rows)
    found = {}
    for name in names:
        matches = [(row, ProductMatch(name, str(row["id"]), sku_id)) for row in all_rows for sku_id in find(name, row)]
        live = [match for row, match in matches if row.get("status") != DELETED]
        if matches:
            found[name] = live or [match for _, match in matches]
    return found


def _find_skus(key: str, name: str, row: Json) -> list[str]:
    """The ids of the product's SKUs of that seller SKU or id."""
    return [str(sku["id"]) for sku in row.get("skus") or () if str(sku.get(key)) == name]


def _find_title(fits: Callable[[str, object], bool], name: str, row: Json) -> list[str]:
    """The product itself, which stands for no SKU, where its title is meant."""
    return [""] if fits(name, row.get("title")) else []


def _refuse_unmatched(argument: str, names: Sequence[str], products: Products) -> None:
    if not names:
        return
    problems = tuple(
        Problem(argument, f"{name!r} fits no product" + (f": {products[name].problem}" if name in products else ""))
        for name in names[:MAX_CANDIDATES]
    )
    more = f" and {len(names) - MAX_CANDIDATES} more" if len(names) > MAX_CANDIDATES else ""
    message = f"No product of this shop is meant by {', '.join(repr(n) for n in names[:MAX_CANDIDATES])}{more}."
    hint = "Nothing was sent. Give product ids, exact titles or seller SKUs, as search_products shows them."
    raise ShopError("not_found", message, hint=hint, problems=problems)


def _refuse_unreadable(products: Iterable[Item]) -> None:
    """What is not known can't be planned with."""
    if unread := [product for product in products if product.problem]:
        message = f"{len(unread)} products can't be read, such as {unread[0].id}: {unread[0].problem}."
        raise ShopError("platform", message, hint="Nothing was sent. Call it again, or name fewer of them.")


def _refuse_ambiguous(argument: str, found: dict[str, list[ProductMatch]], rows: dict[str, Json]) -> None:
    several = {name: matches for name, matches in found.items() if len(matches) > 1 and WILDCARD not in name}
    if not several:
        return
    candidates = [
        {"name": name}
        | {
            "fits": [
                {"product_id": match.product_id, "title": rows[match.product_id].get("title")}
                | ({"sku_id": match.sku_id} if match.sku_id else {})
                for match in matches[:MAX_FITS]
            ]
        }
        | ({"fits_in_all": len(matches)} if len(matches) > MAX_FITS else {})
        for name, matches in list(several.items())[:MAX_CANDIDATES]
    ]
    names = ", ".join(repr(name) for name in list(several)[:MAX_CANDIDATES])
    problems = tuple(
        Problem(argument, f"{name!r} fits {len(matches)}", "the id of one of candidates")
        for name, matches in list(several.items())[:MAX_CANDIDATES]
    )
    message = f"{names}: which one is meant? candidates lists what fits."
    hint = f'Nothing was sent. Ask the person, or give ids; "*{next(iter(several))}*" takes all whose title has that.'
    raise ShopError(
        "invalid_arguments", message, hint=hint, problems=problems, candidates=candidates, untrusted=["candidates"]
    )
