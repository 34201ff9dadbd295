"""Tells refusals about one item from those that stop a job before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.errors import ShopError

OTHER_SHOP_CODE = 21008111  # of an id that belongs to another shop


def is_of_other_shop(error: ShopError, context: JobContext) -> bool:
    """Whether what is named belongs to another shop, where the call is for others as well."""
    return error.code == OTHER_SHOP_CODE and context.has_other_shops


def explain_refusal(error: ShopError) -> str:
    """The platform's words for why it answers nothing about one thing, which is to be skipped.

    Raises:
        ShopError: The error itself, where the thing is of another shop, or where the next one would fare no better.

    """
    if error.kind != "platform" or error.retryable or error.code is None or error.code == OTHER_SHOP_CODE:
        raise error
    return error.message.rstrip(".")
