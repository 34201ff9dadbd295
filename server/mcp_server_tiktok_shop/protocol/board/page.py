"""Assembles the board's page from its parts, as the one document that MCP Apps ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcp_server_tiktok_shop import __version__

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

BOARD_URI = "ui://tiktok-shop/board"
BOARD_MEDIA_TYPE: Final = "text/html;profile=mcp-app"
# No origin at all: what the page needs is in it. A border sets it apart from what the host itself says.
BOARD_META: Json = {
    "ui": {
        "csp": {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []},
        "prefersBorder": True,
    }
}
FOLDER = Path(__file__).parent
SCRIPT_FILES = ("host.js", "elements.js", "values.js", "tables.js", "charts.js", "views.js", "preview.js", "board.js")


def read_page() -> str:
    """The page, whole. Its scripts are one: what one of them defines, those after it use."""
    scripts = "\n".join(_read(name) for name in SCRIPT_FILES)
    script = f'(() => {{\n"use strict";\nconst BOARD_VERSION = "{__version__}";\n{scripts}\n}})();'
    return _read("board.html").replace("{board.css}", _read("board.css")).replace("{scripts}", script)


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()
