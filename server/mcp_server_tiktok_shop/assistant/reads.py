"""A read from its checked values to the part of the answer that was asked for; one page, several, or all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.reading import read

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.assistant.answers import Answers
    from mcp_server_tiktok_shop.assistant.caller import Caller
    from mcp_server_tiktok_shop.catalog.looks import Look
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.reader import Catalog
    from mcp_server_tiktok_shop.tiktok.documents import HandedOut
    from mcp_server_tiktok_shop.tiktok.platform import Platform
    from mcp_server_tiktok_shop.tiktok.shops import Target

log = logging.getLogger(__name__)

DOCUMENT = "doc_url"


@dataclass(frozen=True, slots=True)
class Reads:
    catalog: Catalog
    platform: Platform
    answers: Answers
    handed_out: HandedOut
    zone: ZoneInfo | None

    async def do(self, operation: Operation, values: Json, ours: Json, target: Target, caller: Caller) -> Json:
        zone = target.zone(self.zone)
        answer = await self.platform.call(bind(operation, values, zone), target)
        if isinstance(url := answer.data.get(DOCUMENT), str):
            await self.remember(url)
        return await self.answers.told(operation, self.answers.opened(operation, values, answer, zone), ours)

    async def look(self, look: Look, target: Target) -> list[tuple[str, Any]]:
        """What a look before a write tells, path by path; what is not there is told, too."""
        operation = self.catalog.operations[look.operation]
        values, _ = read(operation, look.values)
        zone = target.zone(self.zone)
        answer = await self.platform.call(bind(operation, values, zone), target)
        told = self.answers.opened(operation, values, answer, zone)
        found = [(path, _joined(values_at(told["data"], path.split(".")))) for path in look.tells]
        missing = [("not found", missed) for missed in told.get("not_found", ())]
        return [(path, value) for path, value in found if value] + missing

    async def remember(self, url: str) -> None:
        try:
            await self.handed_out.remember(url)
        except (OSError, TimeoutError) as error:  # the call itself is done; resize_pdf can still go by package_id
            log.warning("a document's link could not be remembered: %s", type(error).__name__)


def values_at(data: Any, path: list[str]) -> list[Any]:
    """Every value at a path; lists are passed through."""
    if isinstance(data, list):
        return [value for item in data for value in values_at(item, path)]
    if not path:
        return [] if data is None else [data]
    return values_at(data.get(path[0]), path[1:]) if isinstance(data, dict) else []


def _joined(values: list[Any]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))
