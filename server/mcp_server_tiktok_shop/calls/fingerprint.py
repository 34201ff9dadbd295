"""Computes the fingerprint of a write, so that one whose outcome is unknown is not sent twice."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target


def compute_fingerprint(operation: Operation, values: Json, target: Target | None) -> str:
    """The SHA-256, in hex, of the operation, whom it is for and its exact arguments: equal for the same write alone."""
    target_id = ""
    if target is not None:
        asset = f"{target.asset.market}/{target.asset.category_id}" if target.asset else ""  # a cipher may change
        target_id = f"{target.shop.id if target.shop else target.account.id}/{asset}"
    text = json.dumps([operation.name, target_id, values], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
