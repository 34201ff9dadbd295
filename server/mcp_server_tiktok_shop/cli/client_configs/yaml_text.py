"""YAML as goose and Continue read it, written for a person to paste."""

from __future__ import annotations

import json
import re
from typing import Any

PLAIN_KEY_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def render_yaml(block: dict[str, Any]) -> str:
    return "\n".join(_render_lines(block))


def _render_lines(value: Any) -> list[str]:
    """The lines of a mapping or a sequence that has something in it."""
    if isinstance(value, dict):
        lines = []
        for key, each in value.items():
            name = key if PLAIN_KEY_PATTERN.fullmatch(key) else _quote(key)
            lines += _attach(f"{name}:", each, "  ")
        return lines
    lines = []
    for each in value:
        first, *others = _render_lines(each) if isinstance(each, dict) and each else [_render_scalar(each)]
        lines += [f"- {first}", *(f"  {line}" for line in others)]
    return lines


def _attach(head: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, (dict, list)) and value:
        return [head, *(indent + line for line in _render_lines(value))]
    return [f"{head} {_render_scalar(value)}"]


def _render_scalar(value: Any) -> str:
    return _quote(value) if isinstance(value, str) else json.dumps(value)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
