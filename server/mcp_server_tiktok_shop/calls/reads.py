"""A read from its checked values to the part of the answer that was asked for; one page, several, or all."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.page_buffer import Gathered
from mcp_server_tiktok_shop.calls.results.json_paths import values_at
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.coercion import read
from mcp_server_tiktok_shop.catalog.common_arguments import ALL_PAGES
from mcp_server_tiktok_shop.catalog.validation import check
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.envelope import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.paging import Walker
    from mcp_server_tiktok_shop.calls.results.builder import Answers
    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.related_reads import Look
    from mcp_server_tiktok_shop.platform.client import Platform
    from mcp_server_tiktok_shop.platform.documents import HandedOut
    from mcp_server_tiktok_shop.platform.shops import Target

log = logging.getLogger(__name__)

DOCUMENT = "doc_url"
LONGEST_REASON = 300  # characters of an error in a note
MARGIN = 3.0  # seconds before the deadline at which no further page is begun


@dataclass(frozen=True, slots=True)
class Reads:
    """`zone` is the time zone set for all shops, if one is; what is `excluded` is not looked up either."""

    catalog: Catalog
    platform: Platform
    walker: Walker
    answers: Answers
    handed_out: HandedOut
    zone: ZoneInfo | None
    excluded: frozenset[str]

    async def do(self, operation: Operation, values: Json, ours: Json, target: Target, caller: Caller) -> Json:
        """The result of a read, as it is told."""
        if (pages := ours.get("pages")) is not None:
            most = None if pages == ALL_PAGES else int(pages)
            return await self._walked(operation, values, ours.get("fields"), most, target, caller)
        zone = target.zone(self.zone)
        answer = await self.platform.call(bind(operation, values, zone), target)
        if isinstance(url := answer.data.get(DOCUMENT), str):
            await self.remember(url)
        told = self.answers.opened(operation, values, answer, zone)
        return await self.answers.told(operation, told, ours.get("fields"), target.shop)

    async def _walked(
        self,
        operation: Operation,
        values: Json,
        fields: list[str] | None,
        most: int | None,
        target: Target,
        caller: Caller,
    ) -> Json:
        """Pages, one after the other, as far as wanted and as time and room allow; never a part unsaid."""
        zone, until = target.zone(self.zone), self.platform.until()
        gathered = Gathered()
        chosen: Selection | None = None
        walk = self.walker.walk(operation.name, values, target, until=until)
        async with aclosing(walk) as pages:
            try:
                async for page in pages:
                    answer = Answer(replaced(page.data, page.name, page.rows), page.request_id)
                    told = self.answers.opened(operation, values, answer, zone)
                    # Judged once: a field that is rare need not be on every page.
                    chosen = chosen or (self.answers.selection(operation, told, fields) if fields else None)
                    gathered.add(page, told, self.answers.part(operation, told, fields, chosen))
                    if page.rows:
                        await caller.progress(gathered.rows, gathered.total, f"{gathered.pages} pages read")
                    if page.next_token is None or gathered.pages == most:
                        break
                    if gathered.full:
                        gathered.stopped("more is not kept at once: narrow the time or the fields")
                        break
                    if self.platform.left(until) < MARGIN:
                        gathered.stopped("the time for one call was up")
                        break
            except ShopError as error:
                if not gathered.pages:
                    raise
                gathered.stopped(f"the next page could not be had: {self.answers.said(error.message)[:LONGEST_REASON]}")
        return await gathered.told(self.answers, target.shop)

    async def look(self, look: Look, target: Target) -> list[tuple[str, Any]]:
        """What a look before a write tells, path by path; what is not there is told, too."""
        operation = self.catalog.operations[look.operation]
        if operation.name in self.excluded:
            return []
        values, unread = read(operation, look.values)
        check(operation, values, unread)  # an id that a body takes need not be one that a path does
        zone = target.zone(self.zone)
        answer = await self.platform.call(bind(operation, values, zone), target)
        told = self.answers.opened(operation, values, answer, zone)
        missing = [("not found", missed) for missed in told.get("not_found", ())]
        return [*_told_now(told["data"], look), *missing]

    async def remember(self, url: str) -> None:
        """Remember a document's link, so that it may be fetched."""
        try:
            await self.handed_out.remember(url)
        except (OSError, TimeoutError) as error:  # the call itself is done; resize_pdf can still go by package_id
            log.warning("a document's link could not be remembered: %s", type(error).__name__)


def replaced(data: Json, path: str, rows: list[Any]) -> Json:
    """The data with other rows in the list at a path; as it is where there is no such path."""
    if not path:
        return data
    name, _, below = path.partition(".")
    if not below:
        return {**data, name: rows}
    inner = data.get(name)
    return {**data, name: replaced(inner if isinstance(inner, dict) else {}, below, rows)}


def _told_now(data: Json, look: Look) -> Iterator[tuple[str, str]]:
    """What is told, by path; of a list item by item, those that the write names before all others."""
    lists: dict[str, list[str]] = {}
    for path in look.tells:
        name, _, below = path.partition(".")
        if isinstance(data.get(name), list) and below:
            lists.setdefault(name, []).append(below)
        elif value := _joined(values_at(data, path.split("."))):
            yield path, value
    for name, fields in lists.items():
        rows = [row for row in data[name] if isinstance(row, dict)]
        meant = [row for row in rows if look.about & {str(row.get("id")), str(row.get("order_id"))}]
        for place, row in enumerate(meant or rows):
            for field in fields:
                if value := _joined(values_at(row, field.split("."))):
                    yield f"{name}[{place}].{field}" if len(rows) > 1 else f"{name}.{field}", value


def _joined(values: list[Any]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))
