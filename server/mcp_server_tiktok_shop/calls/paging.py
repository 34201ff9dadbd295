"""Walks the pages of a list, each row once, to its end or as far as the caller wants."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.operation import TIMES, preset
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import Platform
    from mcp_server_tiktok_shop.platform.shops import Target

TOKEN = "next_page_token"  # noqa: S105 - a field's name
# So many pages in a row that bring nothing new are no list any more.
BARREN = 10


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the rows of its list that did not come before, as the platform sent them, and their whole answer.

    `name` is where in the answer the list stands, as in `orders` or `data.opportunities`; empty where no list is
    known. `next_token` leads to the next page; None at the end. `moved` is the time filter that the walk was taken up
    with: the token holds for it, and not for the one that was given.
    """

    name: str
    rows: list[Json]
    data: Json
    request_id: str | None
    next_token: str | None
    moved: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Walker:
    catalog: Catalog
    platform: Platform
    zone: ZoneInfo | None

    async def walk(
        self, name: str, values: Json, target: Target, *, until: float | None = None, seen: Iterable[str] = ()
    ) -> AsyncGenerator[Page, None]:
        """The pages of an operation's list; `values` are checked ones, as `catalog.reading.read` gives them.

        Each page is asked for by `until`, a moment of the monotonic clock, or else within a deadline of its own.
        Rows whose key (see `row_key`) is in `seen` are left out as if they had come before. Where the platform
        refuses a page token midway, the walk goes on by the time filter that matches the list's sort.

        Raises:
            ShopError: A page could not be had; `platform` where page tokens go on and on without a new row.

        """
        operation = self.catalog.operations[name]
        lists = list_paths(self.catalog.shape(operation))
        order = _Order.of(operation, values)
        zone = target.zone(self.zone)
        values = dict(values)
        known = set(seen)
        tokens = {values.get("page_token")}
        last: int | None = None
        moved: Json = {}
        barren, resumed = 0, False
        while True:
            try:
                answer = await self.platform.call(bind(operation, values, zone), target, until=until)
            except ShopError as error:
                if order is None or last is None or resumed or not token_refused(error):
                    raise
                values = order.after(values, last)
                moved = {order.bound: values[order.bound]}
                # Tokens of the new query may look like old ones; that each resuming brings rows ends the walk.
                tokens, resumed = {None}, True
                continue
            path, found, token = _opened(answer.data, lists)
            rows = [row for row in found if _is_new(row, path, known)]
            if rows:
                barren, resumed = 0, False
                last = order.time(rows[-1], last) if order is not None else None
            else:
                barren += 1
            token = None if token in tokens else token
            yield Page(path, rows, answer.data, answer.request_id, token, moved)
            if token is None:
                return
            if barren >= BARREN:
                told = f"{name} goes on giving page tokens, but nothing new came on {BARREN} pages."
                raise ShopError("platform", told, hint="What came before is all that can be had this way.")
            tokens.add(token)
            values["page_token"] = token


@dataclass(frozen=True, slots=True)
class _Order:
    """By which time a list is sorted, where a filter of the same name can take up the thread."""

    field: str
    bound: str
    ascending: bool

    @classmethod
    def of(cls, operation: Operation, values: Json) -> _Order | None:
        field, direction = (_chosen(operation, values, name) for name in ("sort_field", "sort_order"))
        bound = f"{field}_{'ge' if direction == 'ASC' else 'lt'}"
        schema = operation.arguments.get(bound, {})
        if direction not in ("ASC", "DESC") or TIMES.get(schema.get("x-unit", "")) != 1:
            return None
        return cls(str(field), bound, direction == "ASC")

    def time(self, row: Json, before: int | None) -> int | None:
        value = row.get(self.field)
        return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else before

    def after(self, values: Json, last: int) -> Json:
        """The query for what comes after a time; rows of that very second come again."""
        kept = {name: value for name, value in values.items() if name != "page_token"}
        return kept | {self.bound: last if self.ascending else last + 1}


def _chosen(operation: Operation, values: Json, name: str) -> Any:
    return values.get(name) or preset(operation.arguments.get(name, {}), name)


def token_refused(error: ShopError) -> bool:
    """Whether the platform does not take a page token any more: one code covers a dozen faults, the words tell."""
    return error.code is not None and re.search(r"page[_ ]?token", error.message, re.IGNORECASE) is not None


def list_paths(shape: Json) -> list[str]:
    """Where an answer's lists of objects stand: those on top, or else those in the objects on top."""
    fields = shape.get("properties", {})
    found = [name for name, field in fields.items() if field.get("items", {}).get("type") == "object"]
    if found:
        return found
    return [f"{name}.{inner}" for name, field in fields.items() if "properties" in field for inner in list_paths(field)]


def row_key(row: Json, path: str) -> str | None:
    """What tells a row from all others of its list: its `id`, or the id named after the list; None without one."""
    stem = path.rpartition(".")[2]
    names = ["id"] if "id" in row else [n for n in row if n.endswith("_id") and stem.startswith(n.removesuffix("_id"))]
    if not names or not isinstance(row[names[0]], str | int):
        return None
    key = str(row[names[0]])
    # A list of what was sold has a row for each SKU of an order, all with the order's id.
    return f"{key}/{row['sku_id']}" if "sku_id" in row and stem.startswith("sku") else key


def _is_new(row: Any, path: str, known: set[str]) -> bool:
    if not isinstance(row, dict):
        return False
    key = row_key(row, path)
    if key is None:
        return True
    if key in known:
        return False
    known.add(key)
    return True


def _opened(data: Json, lists: list[str]) -> tuple[str, list[Any], str | None]:
    """The list of an answer, where it stands, and the token that stands on top or beside it."""
    found = [(path, value) for path in lists if isinstance(value := _at(data, path), list)]
    found = found or [(n, v) for n, v in data.items() if isinstance(v, list) and v and isinstance(v[0], dict)]
    path, rows = next((pair for pair in found if pair[1]), found[0] if found else (lists[0] if lists else "", []))
    holder = _at(data, path.rpartition(".")[0]) if "." in path else data
    for place in (data, holder if isinstance(holder, dict) else {}):
        if place.get("has_more") is False:
            return path, rows, None
        token = place.get(TOKEN)
        if token and isinstance(token, str | int):
            return path, rows, str(token)
    return path, rows, None


def _at(data: Json, path: str) -> Any:
    value: Any = data
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
