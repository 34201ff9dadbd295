"""Reads a batch of ids of which some are another shop's, where the platform then refuses all of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.envelope import ApiResponse

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target


async def call_in_parts(
    platform: PlatformClient, operation: Operation, values: Json, target: Target, zone: ZoneInfo, deadline: float
) -> ApiResponse:
    """The platform's answer about those of the ids that the shop has: halves of a batch that is refused are asked for.

    Raises:
        ShopError: What the platform refused; where none of the ids is the shop's, that.

    """
    rule = operation.record.get("answers_each", {})
    argument, list_name = rule.get("argument", ""), rule.get("list", "")

    async def call(part: Json) -> ApiResponse:
        try:
            return await platform.call(bind(operation, part, zone), target, deadline=deadline)
        except ShopError as error:
            ids = part.get(argument, ())
            if len(ids) < 2 or not error.is_not_here:  # noqa: PLR2004 - one is no batch
                raise
            refusal = error
        middle = len(ids) // 2
        halves = (call(part | {argument: half}) for half in (ids[:middle], ids[middle:]))
        answers = await asyncio.gather(*map(_catch_not_here, halves))
        return _join([answer for answer in answers if answer is not None], list_name, refusal)

    return await call(values)


async def _catch_not_here(answer: Any) -> ApiResponse | None:
    """The answer; None where it is that nothing of what was asked for is in the shop."""
    try:
        response: ApiResponse = await answer
    except ShopError as error:
        if not error.is_not_here:
            raise
        return None
    return response


def _join(answers: list[ApiResponse], list_name: str, refusal: ShopError) -> ApiResponse:
    """One answer with the rows of all. Raises the refusal where there is none."""
    if not answers:
        raise refusal
    rows = [row for answer in answers for row in answer.data.get(list_name) or ()]
    size = sum(answer.size_bytes for answer in answers)
    return ApiResponse(answers[0].data | {list_name: rows}, answers[0].request_id, size)
