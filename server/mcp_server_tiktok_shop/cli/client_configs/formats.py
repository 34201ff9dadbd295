"""Formats of configuration files: how a block is printed, and inserted into an existing text."""

from __future__ import annotations

import tomllib
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.cli.client_configs.blocks import SECRET_PROMPT
from mcp_server_tiktok_shop.cli.client_configs.json_text import parse_json, render_json, rewrite_json
from mcp_server_tiktok_shop.cli.client_configs.toml_text import render_toml, rewrite_toml
from mcp_server_tiktok_shop.cli.client_configs.yaml_text import render_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.cli.client_configs.clients import ConfigFormat

PLACEHOLDERS = ("", SECRET_PROMPT)


class TextFormat(Struct, frozen=True):
    """`parse` raises ValueError for what it can't read. Without it and `rewrite` a file is left to the person."""

    language: str
    render: Callable[[dict[str, Any]], str]
    parse: Callable[[str], dict[str, Any]] | None = None
    rewrite: Callable[[str, dict[str, Any]], str] | None = None


def _make_json_format(*, allow_comments: bool) -> TextFormat:
    return TextFormat(
        "jsonc" if allow_comments else "json",
        render_json,
        partial(parse_json, allow_comments=allow_comments),
        partial(rewrite_json, allow_comments=allow_comments),
    )


FORMATS: dict[ConfigFormat, TextFormat] = {
    "json": _make_json_format(allow_comments=False),
    "jsonc": _make_json_format(allow_comments=True),
    "toml": TextFormat("toml", render_toml, tomllib.loads, rewrite_toml),
    "yaml": TextFormat("yaml", render_yaml),
}


def merge_values(present: Any, block: Any, path: str = "") -> Any:
    """What was there with the block laid over it: all else stays, and what a person filled in does, too.

    Raises:
        ValueError: Where the block has an object or a list something else stands.

    """
    if present is None:
        return block
    if isinstance(block, dict):
        if not isinstance(present, dict):
            raise ValueError(f"{path} is no object")  # noqa: TRY004 - a fault of the file
        merged = {
            key: merge_values(present.get(key), value, f"{path}.{key}".lstrip(".")) for key, value in block.items()
        }
        return present | merged
    if isinstance(block, list) and block and isinstance(block[0], dict):
        if not isinstance(present, list):
            raise ValueError(f"{path} is no list")
        known_ids = {item.get("id") for item in present if isinstance(item, dict)}
        return present + [item for item in block if item["id"] not in known_ids]
    return present if block in PLACEHOLDERS and present else block


def merge_text(text_format: TextFormat, text: str, block: dict[str, Any]) -> str:
    """The text with the block in it.

    Raises:
        ValueError: The text can't be read, has something else in the block's place, or can't be changed safely.

    """
    if text_format.parse is None or text_format.rewrite is None:
        raise ValueError(f"{text_format.language} is printed, not written")
    present = text_format.parse(text)
    target = merge_values(present, block)
    if target == present:
        return text
    new_text = text_format.rewrite(text, target)
    try:
        is_right = text_format.parse(new_text) == target
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError("it is written in a way that can't be changed safely")
    return new_text
