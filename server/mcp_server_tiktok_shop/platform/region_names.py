"""Names of the platform's regions: by code, or by the country's English name."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.accounts import normalize_name

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES_PATH = Path(__file__).with_name("region_names.json")


def find_region(name: str) -> str:
    """The code of the region that goes by a name; one that no country has is taken for a code itself."""
    text = normalize_name(name)
    return _load_codes().get(text, text.upper())


@cache
def _load_codes() -> Mapping[str, str]:
    names: dict[str, list[str]] = json.loads(NAMES_PATH.read_text(encoding="utf-8"))
    return {normalize_name(name): code for code, others in names.items() for name in others}
