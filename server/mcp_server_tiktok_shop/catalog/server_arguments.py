"""Declares arguments that are not the platform's: the server's own, and the bookkeeping that hosts put in."""

from __future__ import annotations

from typing import Any

ALL_PAGES = "all"
SERVER_ARGUMENTS: dict[str, dict[str, Any]] = {
    "shop": {"type": "string", "x-list-as-text": True, "description": "from list_shops"},
    "category_asset": {
        "type": "string",
        "description": "market/category, from get_authorized_category_assets; where several",
    },
    "fields": {
        "type": "array",
        "items": {"type": "string"},
        "x-single": True,
        "description": "such as orders.id; *: all",
    },
    "pages": {"type": "string", "pattern": r"^(all|[1-9]\d{0,3})$", "description": "how many, or all"},
    "save_as": {"type": "string", "description": "x.xlsx, .csv, .json"},
    "dry_run": {"type": "boolean", "description": "show, do not send"},
    "confirm": {"type": "string", "description": "token, once the person agreed"},
    "repeat": {
        "type": "boolean",
        "unlisted": True,
        "description": "true: send again what has an unknown outcome, after a look",
    },
    "undo_of": {
        "type": "string",
        "unlisted": True,
        "description": "the write that this takes back, as list_changes gives it",
    },
}
# Of what can be for several shops: a job, which does the same at each, and a read, which asks each.
SHOPS_ARGUMENT: dict[str, Any] = SERVER_ARGUMENTS["shop"] | {"description": "from list_shops; several by comma, or all"}
# Of a job that would do something else if it were done once more.
REPEAT_JOB_ARGUMENT: dict[str, Any] = {
    "type": "boolean",
    "description": "true: once more what this call did within a day",
}
# Of the tools whose rows can be drawn; `true` or a kind alone will do as well.
CHART_ARGUMENT: dict[str, Any] = {
    "in": "local",
    "type": "object",
    "x-shorthand": "kind",
    "description": "draws a picture; {} chooses",
    "properties": {
        "kind": {"type": "string", "enum": ["line", "bar", "stacked", "area", "scatter", "heat"]},
        "x": {"type": "string", "description": "column"},
        "y": {"type": "string"},
        "series": {"type": "string"},
        "theme": {"type": "string", "enum": ["light", "dark"], "unlisted": True},
    },
}
# What hosts are known to put among a tool's arguments for themselves: it says nothing to a tool that has no such one.
INJECTED_ARGUMENTS = frozenset(
    (
        "wait_for_previous",  # Gemini CLI: whether to run tools one after the other
        "waitForPreviousTools",  # Antigravity, the same
        "toolCallId",  # n8n: an agent's own id of the call, the tool's name, and what its chat began with
        "tool",
        "sessionId",
        "action",
        "chatInput",
        "_sessionID",  # SiYuan
        "task_progress",  # Cline: the model's list of what is done
        "_auth_auth_type",  # mcpproxy
    )
)
# By what a tool delegates to: the server's arguments that it takes beside `arguments`; they mean the same as inside.
RUNNER_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "read": ("fields", "pages", "save_as"),
    "write": ("dry_run", "confirm", "repeat", "undo_of"),
    "confirmed": (),
}
