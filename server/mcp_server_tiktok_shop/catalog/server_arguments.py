"""Declares the server's own arguments, beside the platform's: which shop, how much of a result, how a write is done."""

from __future__ import annotations

from typing import Any

ALL_PAGES = "all"
SERVER_ARGUMENTS: dict[str, dict[str, Any]] = {
    "shop": {"type": "string", "description": "from list_shops"},
    "category_asset": {
        "type": "string",
        "description": "market/category, from get_authorized_category_assets; where several",
    },
    "fields": {
        "type": "array",
        "items": {"type": "string"},
        "x-single": True,
        "description": 'paths such as orders.id; ["*"]: all',
    },
    "pages": {"type": "string", "pattern": r"^(all|[1-9]\d{0,3})$", "description": "how many to walk, or all"},
    "dry_run": {"type": "boolean", "description": "show, do not send"},
    "confirm": {"type": "string", "description": "token of confirmation_required, once the person agreed"},
    "repeat": {
        "type": "boolean",
        "unlisted": True,
        "description": "true: send again what has an unknown outcome, after a look",
    },
}
# By what a tool delegates to: the server's arguments that it takes beside `arguments`; they mean the same as inside.
RUNNER_ARGUMENTS = {"read": ("fields", "pages"), "write": ("dry_run", "confirm", "repeat")}
