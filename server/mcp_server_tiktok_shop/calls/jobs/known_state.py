"""Takes the state of what a write is about from what its job has already read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.current_state import CurrentState, select_facts
from mcp_server_tiktok_shop.catalog.looks import find_looks, make_looks
from mcp_server_tiktok_shop.json_paths import find_values

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation


def select_state(operation: Operation, values: Json, state: CurrentState) -> CurrentState | None:
    """Of things that were read together, those that one write is about, as it would show them; None where any lacks."""
    known = {item.key: item for item in state.items if not item.problem}
    items: dict[tuple[str, str], Item] = {}
    looks = find_looks(operation, values)
    while looks:
        look = looks.pop()
        for thing_id in look.ids:
            item = known.get((look.noun, thing_id))
            if item is None:
                return None
            if item.key in items:
                continue
            latest = next(iter(item.data.get(look.latest_of) or [{}])) if look.latest_of else item.data
            items[item.key] = replace(item, facts=select_facts(look, latest))
            for thing, path in look.next_things.items():
                looks += make_looks(thing, [str(i) for i in find_values(item.data, path.split("."))])
    return CurrentState(tuple(items.values())) if items else None
