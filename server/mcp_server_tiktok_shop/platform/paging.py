"""Paginates a list of the platform's: page after page, each row once, as far as the caller wants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.operation import TIME_UNITS_PER_SECOND, get_default
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_paths import get_value, replace_value
from mcp_server_tiktok_shop.json_values import parse_time

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target

NEXT_PAGE_TOKEN_FIELD = "next_page_token"  # noqa: S105 - a field's name
MAX_EMPTY_PAGES = 10  # in a row without a row that this query has not given before: it is no list any more


class Page(Struct, frozen=True):
    """One page: the rows of its list that did not come before, as the platform sent them, and the whole `data`.

    `list_path` is where in `data` the list stands, as in `orders` or `data.opportunities`; empty where no list is
    known. `next_token` leads to the next page; None at the end. `resume_filter` is the time filter with which the list
    was resumed: the token is valid with it, and not with the one that was given. `skipped` counts what stands in the
    list, or in its place, and is no row.
    """

    list_path: str
    rows: list[Json]
    data: Json
    request_id: str | None
    next_token: str | None
    resume_filter: Json = field(default_factory=dict)
    skipped: int = 0
    size_bytes: int = 0  # of the answer

    @property
    def new_data(self) -> Json:
        """`data` with the rows that did not come before in its list."""
        if not self.list_path:
            return self.data
        new_data: Json = replace_value(self.data, self.list_path.split("."), self.rows)
        return new_data


class Paginator(Struct, frozen=True):
    """Paginates by the platform's page tokens; `zone` is the time zone set for all shops, if one is."""

    catalog: Catalog
    platform: PlatformClient
    zone: ZoneInfo | None

    async def iter_pages(
        self,
        name: str,
        values: Json,
        target: Target,
        *,
        deadline: float | None = None,
        previous_keys: Iterable[str] = (),
    ) -> AsyncGenerator[Page, None]:
        """The pages of the list of the operation `name`; `values` are coerced and validated.

        Each page is asked for before `deadline`, a moment of the monotonic clock, or else within one of its own.
        Rows whose key (see `get_row_key`) is in `previous_keys` are left out as if they had come before. Where the
        platform refuses a page token midway, the list is resumed by the time filter that matches its sort.

        Raises:
            ShopError: A page was refused; `platform` where page tokens go on and on without a new row.

        """
        operation = self.catalog.operations[name]
        paths = find_list_paths(self.catalog.get_response_shape(operation))
        is_paged = "page_token" in operation.arguments
        time_sort = _TimeSort.detect(operation, values)
        zone = target.resolve_zone(self.zone)
        values = dict(values)
        seen_keys = set(previous_keys)
        query_keys: set[str] = set()  # of the rows that this query gave, those left out among them
        used_tokens = {values.get("page_token")}
        last_time: int | None = None
        resume_filter: Json = {}
        empty_pages, just_resumed = 0, False
        while True:
            try:
                response = await self.platform.call(bind(operation, values, zone), target, deadline=deadline)
            except ShopError as error:
                if time_sort is None or last_time is None or just_resumed or not is_invalid_page_token(error):
                    raise
                values = time_sort.resume_after(values, last_time)
                resume_filter = {time_sort.filter_name: values[time_sort.filter_name]}
                # Tokens of the new query may look like old ones; that each resuming brings rows ends the walk.
                used_tokens, query_keys, just_resumed = {None}, set(), True
                continue
            path, items, token = _extract_rows(response.data, paths)
            page_rows = [item for item in items if isinstance(item, dict)]
            # A second of thousands of rows, or a list gone through again, is pages of rows that came before.
            has_progress = [row for row in page_rows if _is_new(row, path, query_keys)] != []
            # A list that has no pages gives each row once: two of one id are two, as a SKU that was sold and refunded.
            rows = [row for row in page_rows if _is_new(row, path, seen_keys)] if is_paged else page_rows
            if rows:
                just_resumed = False
                last_time = time_sort.read_time(rows[-1], last_time) if time_sort is not None else None
            empty_pages = 0 if has_progress else empty_pages + 1
            token = None if token in used_tokens else token
            skipped, size = len(items) - len(page_rows), response.size_bytes
            yield Page(path, rows, response.data, response.request_id, token, resume_filter, skipped, size)
            del response, items, page_rows, rows  # a page takes some megabytes: not while the next one is waited for
            if token is None:
                return
            if empty_pages >= MAX_EMPTY_PAGES:
                message = f"{name} goes on giving page tokens, but nothing new came on {MAX_EMPTY_PAGES} pages."
                raise ShopError("platform", message, hint="What came before is all that can be had this way.")
            used_tokens.add(token)
            values["page_token"] = token


class _TimeSort(Struct, frozen=True):
    """By which time a list is sorted, where a filter of the same name can resume it."""

    sort_field: str
    filter_name: str
    ascending: bool

    @classmethod
    def detect(cls, operation: Operation, values: Json) -> _TimeSort | None:
        """The sort of a query; None where it is not by a time in seconds with a filter of its own."""
        sort_field, direction = (_get_argument(operation, values, name) for name in ("sort_field", "sort_order"))
        filter_name = f"{sort_field}_{'ge' if direction == 'ASC' else 'lt'}"
        schema = operation.arguments.get(filter_name, {})
        if direction not in ("ASC", "DESC") or TIME_UNITS_PER_SECOND.get(schema.get("x-unit", "")) != 1:
            return None
        return cls(str(sort_field), filter_name, direction == "ASC")

    def read_time(self, row: Json, fallback: int | None) -> int | None:
        """The time of a row, in Unix seconds."""
        time = parse_time(row.get(self.sort_field))
        return fallback if time is None else time

    def resume_after(self, values: Json, last_time: int) -> Json:
        """The query for what comes after a time; rows of that very second come again."""
        other_values = {name: value for name, value in values.items() if name != "page_token"}
        return other_values | {self.filter_name: last_time if self.ascending else last_time + 1}


def _get_argument(operation: Operation, values: Json, name: str) -> Any:
    return values.get(name) or get_default(operation.arguments.get(name, {}), name)


def is_invalid_page_token(error: ShopError) -> bool:
    """Whether the platform refuses a page token: one code covers a dozen faults, so its words decide."""
    return error.code is not None and re.search(r"page[_ ]?token", error.message, re.IGNORECASE) is not None


def find_list_paths(shape: Json) -> list[str]:
    """The paths of the lists of objects in a response shape: those on top, or else those in the objects on top."""
    fields = shape.get("properties", {})
    top_level_paths = [name for name, field in fields.items() if field.get("items", {}).get("type") == "object"]
    if top_level_paths:
        return top_level_paths
    return [
        f"{name}.{inner}" for name, field in fields.items() if "properties" in field for inner in find_list_paths(field)
    ]


def get_row_key(row: Json, path: str) -> str | None:
    """The key of a row within its list: its `id`, or the id named after the list at `path`; None without one."""
    stem = path.rpartition(".")[2]
    names = ["id"] if "id" in row else [n for n in row if n.endswith("_id") and stem.startswith(n.removesuffix("_id"))]
    if not names or not isinstance(row[names[0]], str | int) or row[names[0]] == "":
        return None
    key = str(row[names[0]])
    # A list of what was sold has a row for each SKU of an order, all with the order's id; one of what was settled has
    # another for each statement that holds something of the SKU.
    more = [str(row[name]) for name in ("sku_id", "statement_id") if name in row and stem.startswith("sku")]
    return "/".join([key, *more])


def _is_new(row: Json, path: str, seen_keys: set[str]) -> bool:
    key = get_row_key(row, path)
    if key is None:
        return True
    if key in seen_keys:
        return False
    seen_keys.add(key)
    return True


def _to_list(value: Any) -> list[Any]:
    """A list, or one of what stands in its place."""
    return value if isinstance(value, list) else [None]


def _extract_rows(data: Json, paths: list[str]) -> tuple[str, list[Any], str | None]:
    """The path of the list in an answer, its rows, and the next page token that stands on top or beside it."""
    values = ((path, get_value(data, path.split("."))) for path in paths)
    candidates = [(path, _to_list(value)) for path, value in values if value not in (None, "")]
    candidates = candidates or [
        (n, v) for n, v in data.items() if isinstance(v, list) and any(isinstance(item, dict) for item in v)
    ]
    path, rows = next(
        (pair for pair in candidates if pair[1]), candidates[0] if candidates else (paths[0] if paths else "", [])
    )
    parent = get_value(data, path.split(".")[:-1])
    for container in (data, parent if isinstance(parent, dict) else {}):
        if container.get("has_more") is False:
            return path, rows, None
        token = container.get(NEXT_PAGE_TOKEN_FIELD)
        if token and isinstance(token, str | int):
            return path, rows, str(token)
    return path, rows, None
