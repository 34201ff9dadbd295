"""Builds answers from the catalog's shapes, every field filled, as a platform that knows all would send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json

MOMENT = 1_795_340_000
PLAIN = {"integer": 3, "number": 1.5, "boolean": True}
TEXT = "Jasmine green tea, hand-rolled, 100 g in a tin"


def filled(shape: Json, items: int = 2, seed: int = 0, name: str = "") -> Any:
    """A value of the shape; each list has `items` items, no two of which are alike."""
    made: Any = {"currency": "GBP"}.get(name, TEXT)
    if shape.get("type") == "object":
        fields = shape.get("properties", {})
        made = {n: filled(f, items, seed + 7 * place, n) for place, (n, f) in enumerate(fields.items())}
    elif shape.get("type") == "array":
        made = [filled(shape["items"], items, seed + 1000 * place + 1, name) for place in range(items)]
    elif shape.get("type") in PLAIN:
        made = PLAIN[shape["type"]]
    elif "enum" in shape:
        made = shape["enum"][0]
    elif name == "id" or name.endswith(("_id", "_ids")):
        made = str(1729382256910270000 + seed)
    elif any(word in name for word in ("amount", "price", "fee", "tax")):
        made = "12.34"
    return MOMENT + seed if "time" in name and not isinstance(made, dict | list) else made


def paths(value: Any, above: str = "") -> Iterator[str]:
    """The dotted paths of all plain values in an answer, lists passed through."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, f"{above}.{name}" if above else name)
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, above)
    else:
        yield above


def empties(value: Any, above: str = "") -> Iterator[str]:
    """Where fields hold nothing."""
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{above}.{name}"
            if inner in (None, "", [], {}) and not isinstance(inner, bool):
                yield here
            yield from empties(inner, here)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from empties(item, f"{above}[{place}]")
