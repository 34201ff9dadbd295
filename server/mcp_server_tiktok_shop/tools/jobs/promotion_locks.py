"""Finds products whose price a running promotion holds: TikTok refuses a new one until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.promotion_overlaps import sets_price
from mcp_server_tiktok_shop.calls.value_texts import quote
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext

RUNNING = "ONGOING"
PAGE_SIZE = 100
MAX_TITLE_CHARS = 60


async def find_price_locks(context: JobContext) -> tuple[dict[str, str], list[str]]:
    """Why each product takes no new price now, by its id; and warnings of what could not be read for it."""
    try:
        rows = await context.read_rows("search_promotion_activities", {"status": RUNNING, "page_size": PAGE_SIZE})
    except ShopError as error:
        return {}, [_describe_unread("running promotions", error)]
    locks: dict[str, str] = {}
    warnings = []
    details = await context.read_each("get_activity", [{"activity_id": str(row["id"])} for row in rows])
    for row, detail in zip(rows, details, strict=True):
        name = f"promotion {quote(str(row.get('title') or row['id']), MAX_TITLE_CHARS)}"
        if isinstance(detail, ShopError):
            warnings.append(_describe_unread(name, detail))
            continue
        end = detail.get("end_time") or row.get("end_time")
        reason = f"the running {name} holds its price" + (f" until {end}" if end else "")
        for entry in detail.get("products") or ():
            if sets_price(entry):
                locks.setdefault(str(entry["id"]), reason)
    return locks, warnings


def _describe_unread(name: str, error: ShopError) -> str:
    return f"Can't read {name} ({error.message.rstrip('.')}): TikTok refuses a new price of what takes part in one"
