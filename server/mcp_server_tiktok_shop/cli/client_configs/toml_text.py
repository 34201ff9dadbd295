"""TOML as Codex uses it: read into values, changed without touching the rest."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

if TYPE_CHECKING:
    from tomlkit.items import Item

BARE_KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]+")
# Tables down to this depth are put at the end of the file; within an entry a table is written on one line.
ENTRY_DEPTH = 2


def render_toml(block: dict[str, Any]) -> str:
    """The tables of a block, each under its full name."""
    return "\n\n".join(_render_tables(block, ()))


def _render_tables(table: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [f"{_quote_key(key)} = {_to_item(value).as_string()}" for key, value in table.items() if _is_value(value)]
    tables = ["\n".join([f"[{'.'.join(map(_quote_key, path))}]", *lines])] if lines else []
    for key, value in table.items():
        if not _is_value(value):
            tables += _render_tables(value, (*path, key))
    return tables


def _is_value(value: Any) -> bool:
    return not isinstance(value, dict)


def _quote_key(key: str) -> str:
    return key if BARE_KEY_PATTERN.fullmatch(key) else tomlkit.string(key).as_string()


def rewrite_toml(text: str, target: dict[str, Any]) -> str:
    """The text changed so that it holds the target; new tables stand at its end.

    Raises:
        ValueError: The library can't change a text like this one.

    """
    try:
        document = tomlkit.parse(text)
        new_tables = _set_values(document, target, depth=0)
        new_text = tomlkit.dumps(document)
    except TOMLKitError as error:
        raise ValueError(str(error)) from None
    if new_tables:
        ending = "" if not new_text or new_text.endswith("\n") else "\n"
        gap = "\n" if new_text.strip() else ""
        new_text += f"{ending}{gap}{render_toml(new_tables)}\n"
    if "\r\n" in text and not re.search(r"(?<!\r)\n", text):
        new_text = re.sub(r"(?<!\r)\n", "\r\n", new_text)
    return new_text


def _set_values(table: MutableMapping[str, Any], target: dict[str, Any], *, depth: int) -> dict[str, Any]:
    """Set what differs; returned are the tables that are missing."""
    new_tables: dict[str, Any] = {}
    for key, value in target.items():
        present = table.get(key)
        if isinstance(value, dict) and isinstance(present, MutableMapping):
            if nested := _set_values(present, value, depth=depth + 1):
                new_tables[key] = nested
        elif isinstance(value, dict) and present is None and depth < ENTRY_DEPTH:
            new_tables[key] = value
        elif present != value:
            table[key] = _to_item(value)
    return new_tables


def _to_item(value: Any) -> Item:
    if isinstance(value, str):
        # A path of Windows is written as it is, where that is possible.
        is_literal = "\\" in value and "'" not in value and value.isprintable()
        return tomlkit.string(value, literal=is_literal)
    if isinstance(value, list):
        array = tomlkit.array()
        array.extend(_to_item(each) for each in value)
        return array
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for key, each in value.items():
            table[key] = _to_item(each)
        return table
    item: Item = tomlkit.item(value)
    return item
