"""Makes calls with arguments that are right in part and odd in one place: of a wrong type, too long, too deep."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from tests.calls.arguments import accepted
from tests.conftest import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Operation

SEED = 6
MAX_REPEATED_CHARS = 500  # of an item that a list may hold by the thousand: a client sends no hundred megabytes
MAX_CALL_CHARS = 1_000_000  # of all arguments: it is the transport that refuses longer lines
MAX_NESTED_DEPTH = 120  # above, the SDK reads no line
PIECES = [
    "0",
    "7" * 19,
    "-1",
    "1e9",
    "orders",
    "orders.id",
    "*",
    "[]",
    "{",
    '{"a":[1',
    "null",
    "true",
    "\u202e",
    "é",
    "\0",
]
PIECES += [
    "../..",
    "https://10.0.0.1/",
    "2026-13-45",
    "2026-11-01",
    "all",
    "a" * 50,
    "\U0001f600",
    "'",
    '"',
    "%s",
    "\n",
    "=1+1",
]


def make_text(drawn: random.Random) -> str:
    """Short mostly, seldom of a megabyte."""
    text = "".join(drawn.choice(PIECES) for _ in range(drawn.randint(0, 4)))
    return text * drawn.choice([1, 1, 1, 1, 1, 1, 3, 200, 20_000]) if drawn.random() < 0.3 else text


def make_value(drawn: random.Random, depth: int = 0) -> Any:  # noqa: PLR0911 - a kind each
    kind = drawn.randint(0, 9 if depth < 4 else 6)
    match kind:
        case 0:
            return None
        case 1:
            return drawn.random() < 0.5
        case 2:
            return drawn.choice([0, -1, 1, 7, 20, 10**9, 10**12, 2**53, 2**63, 10**30, 10**60])
        case 3:
            return drawn.choice([0.0, -0.5, 1.5, 1e18, 1e-9, 1e308])
        case 4 | 5 | 6:
            return make_text(drawn)
        case 7:
            item = make_value(drawn, depth + 1)
            return [item] * drawn.choice(
                [0, 1, 2, 51, 51, 3_000] if len(repr(item)) < MAX_REPEATED_CHARS else [0, 1, 2]
            )
        case 8:
            return {make_text(drawn)[:300]: make_value(drawn, depth + 1) for _ in range(drawn.randint(0, 5))}
    return nest(make_text(drawn), drawn.choice([5, 40, 70, MAX_NESTED_DEPTH]), drawn)


def nest(value: Any, levels: int, drawn: random.Random) -> Any:
    for _ in range(levels):
        value = [value] if drawn.random() < 0.5 else {"a": value}
    return value


def spoil(drawn: random.Random, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with one thing in them, at any depth, put in another's place; or one more beside them."""
    spoilt: Any = copy.deepcopy(arguments)
    at: Any = spoilt
    while isinstance(at, dict | list) and at:
        key = drawn.choice(list(at)) if isinstance(at, dict) else drawn.randrange(len(at))
        if not isinstance(at[key], dict | list) or drawn.random() < 0.4:
            at[key] = make_value(drawn)
            return dict(spoilt)
        at = at[key]
    spoilt[drawn.choice(["fields", "pages", "shop", "confirm", "dry_run", make_text(drawn)[:200]])] = make_value(drawn)
    return dict(spoilt)


def find_accepted(operation: Operation, files: dict[str, str]) -> dict[str, Any]:
    try:
        return accepted(operation, files)
    except (AssertionError, KeyError, ShopError):  # no small example can be made of it
        return {}


def iter_calls(salt: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Calls without end: every operation in turn, as a tool or by `run_…`; reads mostly with `fields` and `pages`."""
    drawn = random.Random(f"{SEED}{salt}")
    files = dict.fromkeys(("image", "video", "file", "label", "qrcode"), "nothing.png")
    operations = [operation for operation in CATALOG.operations.values() if operation.delegates_to is None]
    good = {operation.name: find_accepted(operation, files) for operation in operations}
    while True:
        drawn.shuffle(operations)
        for operation in operations:
            arguments = spoil(drawn, good[operation.name])
            if operation.effect == "read" and drawn.random() < 0.2:
                arguments["fields"] = make_value(drawn)
            if len(repr(arguments)) > MAX_CALL_CHARS:
                continue
            if drawn.random() < 0.3 and operation.uses_platform:
                runner = "run_read_operation" if operation.effect == "read" else "run_write_operation"
                yield runner, {"name": operation.name, "arguments": arguments}
            else:
                yield operation.name, arguments
