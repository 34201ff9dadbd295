"""Draws charts in its own process, started by `python -m`, because the library blocks all other threads."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.tools.charts.pictures import shrink_png
from mcp_server_tiktok_shop.tools.charts.vega_spec import FONT
from mcp_server_tiktok_shop.workers.serving import serve_jobs

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

VEGA_LITE_VERSION = "5.20"
SCALES = (2.0, 1.5, 1.0)  # pixels for each of the specification's
NO_LETTER = "\U0010fffd"  # for private use, of which no font has a form
LETTER_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24">'
    '<text x="2" y="18" font-size="16" font-family="{font}">{letter}</text></svg>'
)
WARM_UP_SPEC: Json = {"data": {"values": [{"x": "a", "y": 1}]}, "mark": "bar"} | {
    "encoding": {"x": {"field": "x", "type": "ordinal"}, "y": {"field": "y", "type": "quantitative"}}
}


def render(spec: Json, scale: float) -> bytes:
    """A specification as PNG; nothing is loaded, whatever it names."""
    import vl_convert  # noqa: PLC0415 - of an extra, and large

    return vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE_VERSION, scale=scale, allowed_base_urls=[])


def find_boxes(letters: str) -> str:
    """Those letters for which no font here has a form: they are drawn as the same box as what is no letter at all."""
    box = _draw_letter(NO_LETTER)
    return "".join(letter for letter in letters if _draw_letter(letter) == box)


def _draw_letter(letter: str) -> bytes:
    import vl_convert  # noqa: PLC0415

    picture: bytes = vl_convert.svg_to_png(LETTER_SVG.format(font=FONT, letter=escape(letter)))
    return picture


def _draw(header: dict[str, Any], _files: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """The reply to a job: the picture in at most `max_bytes`, or as small as it gets."""
    content = b""
    for scale in SCALES:
        content = shrink_png(render(header["spec"], scale), header["max_bytes"])
        if len(content) <= header["max_bytes"]:
            break
    return {"boxes": find_boxes(header["letters"])}, [content]


def run() -> None:
    """Draw as long as jobs come. The first drawing loads most of the library, so one is made before any comes."""
    render(WARM_UP_SPEC, 1.0)
    serve_jobs(_draw, None)  # the library's engine reserves a terabyte of addresses, and uses a little of it


if __name__ == "__main__":
    run()
