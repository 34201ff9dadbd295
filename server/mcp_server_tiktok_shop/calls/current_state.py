"""Reads the state of the things a write is about: shown before it is sent, reported after it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.value_texts import quote, to_single_line
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.looks import find_looks, find_surroundings, make_looks
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError, contain_faults
from mcp_server_tiktok_shop.json_paths import find_values

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.looks import Look, Surrounding
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target

READ_STATE_TIMEOUT_S = 8.0  # for all that is looked up before or after a write
MAX_READS_AT_ONCE = 5
MAX_FACT_CHARS = 300  # characters of a value that is shown
MASK = "***"  # of a buyer's data: it tells nothing
NOT_LOOKED_UP, NOT_FOUND = "not_looked_up", "not_found"

log = logging.getLogger(__name__)


class Item(Struct, frozen=True):
    """One thing that a write is about; `noun` says of what kind.

    `facts` are what is shown of it, by dotted path: plain values, and lists of rows of them. `data` is all that the
    platform answered. `problem` says why there are none: `NOT_FOUND`, or the reason that it could not be looked up.
    """

    noun: str
    id: str
    facts: Json
    data: Json = field(default_factory=dict)
    problem: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.noun, self.id

    def to_json(self) -> Json:
        """The thing in one object: `{"product": "1729", "title": "Oolong", "status": "ACTIVATE"}`."""
        if self.problem:
            return {self.noun: self.id} | ({NOT_FOUND: True} if self.is_missing else {NOT_LOOKED_UP: self.problem})
        return {self.noun: self.id} | self.facts

    @property
    def is_missing(self) -> bool:
        return self.problem == NOT_FOUND

    def to_lines(self) -> list[str]:
        """The thing on one line, its values quoted; behind it a line for each of its rows."""
        head = " ".join(filter(None, (self.noun, to_single_line(self.id))))
        if self.is_missing:
            return [f"not found: {head}"]
        if self.problem:
            return [f"not looked up: {head}: {quote(self.problem)}"]
        values = [f"{name}: {quote(value)}" for name, value in self.facts.items() if not isinstance(value, list)]
        rows = [
            f"  {name}: {_format_row(row)}"
            for name, value in self.facts.items()
            if isinstance(value, list)
            for row in value
        ]
        return [f"{head}: {', '.join(values)}", *rows]


class CurrentState(Struct, frozen=True):
    """How things stand: `items` are what a write is about, `surroundings` the rows and total of what lies around it."""

    items: tuple[Item, ...] = ()
    surroundings: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> list[Json]:
        return [item.to_json() for item in self.items]

    @property
    def is_known(self) -> bool:
        """Whether anything of it could be read."""
        return any(not item.problem for item in self.items)


class CurrentStateReader(Struct, frozen=True):
    """Runs the reads that `catalog.looks` names; `zone` is the time zone set for all shops, if one is."""

    operations: OperationDirectory
    platform: PlatformClient
    result_builder: ResultBuilder
    zone: ZoneInfo | None

    async def read(
        self, operation: Operation, values: Json, target: Target, timeout_s: float = READ_STATE_TIMEOUT_S
    ) -> CurrentState:
        """How the things stand that a write with these values is about, and what lies around it.

        It never fails: what can't be read is an item that says why.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        state = await self.read_items(operation, values, target, timeout_s)
        remaining_s = deadline - asyncio.get_running_loop().time()
        is_read = state.is_known or not state.items  # of a shop that can't be read nothing else is tried
        surroundings = await self.read_surroundings(operation, target, remaining_s) if is_read else {}
        return replace(state, surroundings=surroundings)

    async def read_items(
        self, operation: Operation, values: Json, target: Target, timeout_s: float = READ_STATE_TIMEOUT_S
    ) -> CurrentState:
        """How the things alone stand; it never fails either."""
        slots = asyncio.Semaphore(MAX_READS_AT_ONCE)
        deadline = asyncio.get_running_loop().time() + timeout_s
        return CurrentState(tuple(await self._read_items(find_looks(operation, values), target, slots, deadline)))

    async def read_surroundings(
        self, operation: Operation, target: Target, timeout_s: float = READ_STATE_TIMEOUT_S
    ) -> dict[str, Json]:
        """What lies around such a write; what can't be read is left out."""
        slots = asyncio.Semaphore(MAX_READS_AT_ONCE)
        deadline = asyncio.get_running_loop().time() + timeout_s
        surroundings = find_surroundings(operation)
        around = await asyncio.gather(
            *(self._read_surrounding(surrounding, target, slots, deadline) for surrounding in surroundings)
        )
        names = (surrounding.name for surrounding in surroundings)
        return {name: data for name, data in zip(names, around, strict=True) if data}

    async def read_created(
        self, operation: Operation, values: Json, data: Json, target: Target, timeout_s: float
    ) -> CurrentState:
        """How things stand after a write: those it was about, and those that its answer `data` names."""
        slots = asyncio.Semaphore(MAX_READS_AT_ONCE)
        deadline = asyncio.get_running_loop().time() + timeout_s
        looks = find_looks(operation, values)
        named = {(look.noun, thing_id) for look in looks for thing_id in look.ids}
        looks += [look for look in find_looks(operation, data) if not {(look.noun, i) for i in look.ids} <= named]
        return CurrentState(tuple(await self._read_items(looks, target, slots, deadline)))

    async def _read_items(
        self, looks: list[Look], target: Target, slots: asyncio.Semaphore, deadline: float
    ) -> list[Item]:
        items_by_look = await asyncio.gather(*(self._read_look(look, target, slots, deadline) for look in looks))
        items = {item.key: item for look_items in items_by_look for item in look_items}
        next_ids: dict[str, list[str]] = {}
        for look, look_items in zip(looks, items_by_look, strict=True):
            for thing, path in look.next_things.items():
                ids = [str(i) for item in look_items for i in find_values(item.data, path.split("."))]
                next_ids.setdefault(thing, []).extend(i for i in ids if (thing, i) not in items)
        next_looks = [look for thing, ids in next_ids.items() for look in make_looks(thing, ids)]
        if next_looks:
            items |= {item.key: item for item in await self._read_items(next_looks, target, slots, deadline)}
        return list(items.values())

    async def _read_look(self, look: Look, target: Target, slots: asyncio.Semaphore, deadline: float) -> list[Item]:
        """What one read says, or why it failed: what can't be read must neither hide the others nor stop a write."""
        reason = "this server can't read it"
        with contain_faults(log, "%s can't be looked up", look.noun):
            try:
                async with asyncio.timeout_at(deadline), slots:
                    normalized = await self.call(look.operation, look.values, target)
                return _to_items(look, normalized) if normalized is not None else []
            except TimeoutError:
                reason = "the platform took too long"
            except ShopError as error:
                reason = self.result_builder.redact_text(error.message)
        return [Item(look.noun, thing_id, {}, problem=reason) for thing_id in look.ids or ("",)]

    async def _read_surrounding(
        self, surrounding: Surrounding, target: Target, slots: asyncio.Semaphore, deadline: float
    ) -> Json:
        """The rows of the first pages, `is_whole` and the platform's count of all; empty where they can't be read."""
        rows: list[Any] = []
        values, total, is_whole = surrounding.values, 0, False
        with contain_faults(log, "%s can't be looked up", surrounding.name):
            try:
                for _ in range(surrounding.max_pages):
                    async with asyncio.timeout_at(deadline), slots:
                        normalized = await self.call(surrounding.operation, values, target)
                    if normalized is None:
                        return {}
                    data = normalized["data"]
                    total = data.get("total_count") or 0
                    rows += next((value for value in data.values() if isinstance(value, list)), [])
                    is_whole = not normalized.get("next_page_token")
                    if is_whole:
                        break
                    values = surrounding.values | {"page_token": normalized["next_page_token"]}
            except (TimeoutError, ShopError):
                log.warning("%s can't be looked up as a whole", surrounding.name)
        return {"rows": rows, "is_whole": is_whole, "total": total} if rows or is_whole else {}

    async def call(self, name: str, arguments: Json, target: Target) -> Json | None:
        """The normalized answer to a read; None where this server does not do it.

        Raises:
            ShopError: The read was refused, or could not be sent.

        """
        operation = self.operations.get(name)
        if not self.operations.policy.is_available(operation):
            return None
        values, problems = coerce_arguments(operation, arguments)
        validate(operation, values, problems)  # an id that a body takes need not be one that a path does
        values = self.operations.complete_by_market(operation, values, target.shop.region) if target.shop else values
        zone = target.resolve_zone(self.zone)
        response = await self.platform.call(bind(operation, values, zone), target)
        return self.result_builder.normalize(operation, values, response, zone)


def compare_states(earlier: Iterable[Json], later: Iterable[Json]) -> list[Json]:
    """What differs between two looks at the same things: for each its name, `before` and `now`.

    What could not be looked up in either is passed over.
    """
    later_by_key = {_get_key(item): item for item in later}
    differences = []
    for item in earlier:
        key = noun, thing_id = _get_key(item)
        other = later_by_key.get(key)
        if other is None or NOT_LOOKED_UP in item or NOT_LOOKED_UP in other:
            continue
        names = [name for name in dict.fromkeys((*item, *other)) if item.get(name) != other.get(name)]
        if names:
            before, now = ({name: side[name] for name in names if name in side} for side in (item, other))
            differences.append({noun: thing_id, "before": before, "now": now})
    return differences


def describe_states(earlier: list[Json], later: list[Json], *, is_brief: bool) -> Json:
    """`before` and `now` of a write: what was otherwise, and how things stand.

    Where `is_brief`, a preview told of them, and of several `now` tells what is otherwise alone.
    """
    before = describe_earlier(earlier, later)
    if is_brief and len(later) > 1:
        changes = {_get_key(item): item for item in _select_changes(earlier, later, "now")}
        later = [changes.get(_get_key(item), item) for item in later]
    return ({"before": before} if before else {}) | {"now": later}


def describe_earlier(earlier: Iterable[Json], later: Iterable[Json]) -> list[Json]:
    """What was otherwise before a write, by things; what was not there at all is left out."""
    return _select_changes(earlier, later, "before")


def _select_changes(earlier: Iterable[Json], later: Iterable[Json], side: str) -> list[Json]:
    return [
        {name: value for name, value in difference.items() if name not in ("before", "now")} | difference[side]
        for difference in compare_states(earlier, later)
        if difference[side]
    ]


def _get_key(item: Json) -> tuple[str, str]:
    """The kind and the id of a thing: the first entry of its object."""
    noun = next(iter(item), "")
    return noun, str(item.get(noun, ""))


def _to_items(look: Look, normalized: Json) -> list[Item]:
    data: Json = normalized["data"]
    if look.latest_of:
        rows = data.get(look.latest_of) or []
        facts = select_facts(look, rows[0]) if rows and isinstance(rows[0], dict) else {}
        return [Item(look.noun, look.ids[0], facts, data)]
    if not look.list_name:
        return [Item(look.noun, look.ids[0] if look.ids else "", select_facts(look, data), data)]
    rows = [row for row in data.get(look.list_name) or [] if isinstance(row, dict)]
    items = [
        Item(look.noun, str(row.get(look.id_field)), select_facts(look, row), row)
        for row in rows
        if str(row.get(look.id_field)) in look.ids
    ]
    found_ids = {item.id for item in items}
    if look.may_be_missing:
        return items
    return items + [
        Item(look.noun, missing_id, {}, problem=NOT_FOUND) for missing_id in look.ids if missing_id not in found_ids
    ]


def select_facts(look: Look, data: Json) -> Json:
    facts: Json = {}
    for path in look.shows:
        values = [value for value in find_values(data, path.split(".")) if _is_telling(path, value)]
        if values:
            facts[path] = _join_values(list(dict.fromkeys(values)))
    for name, paths in (look.rows | look.named_rows).items():
        rows = [row for row in data.get(name) or [] if isinstance(row, dict)]
        meant = [row for row in rows if {str(row.get("id")), str(row.get("sku_id"))} & look.subject_ids]
        selected_rows = [_select_row(row, paths) for row in meant or (rows if name in look.rows else ())]
        if selected_rows:
            facts[name] = selected_rows
    return facts


def _select_row(row: Json, paths: list[str]) -> Json:
    values_by_path = {path: find_values(row, path.split(".")) for path in paths}
    return {path: _join_values(values) for path, values in values_by_path.items() if values}


def _is_telling(path: str, value: Any) -> bool:
    """Whether a value is worth its place: that something is not so goes without saying."""
    if value is False and path.rpartition(".")[2].startswith("is_"):
        return False
    return not isinstance(value, dict | list) and value not in ("", MASK)


def _join_values(values: list[Any]) -> Any:
    """One value as it is, several in one text."""
    value = values[0] if len(values) == 1 else ", ".join(map(str, values))
    return f"{value[:MAX_FACT_CHARS]}…" if isinstance(value, str) and len(value) > MAX_FACT_CHARS else value


def _format_row(row: Json) -> str:
    return " ".join(f"{to_single_line(path)} {quote(value)}" for path, value in row.items())
