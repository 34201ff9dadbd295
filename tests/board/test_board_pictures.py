"""What the board looks like, measured in its own pictures: no font, machine or version of a browser is compared with.

Found are texts that lie over each other or beyond the edge, that do not stand out by 4.5:1 in the pixels that were
painted, and what a change of theme moves or leaves behind. Not found are ugly shapes and wrong icons that are legible.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops

from tests.board.answers import make_chart, preview_price
from tests.board.browser_host import TOOL_RESULT
from tests.pictures import count_colors, measure_contrast

if TYPE_CHECKING:
    from tests.board.browser_host import BrowserHost
    from tests.board.conftest import ShowHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATES = ("worklist", "table", "chart", "preview")
SQL = "select id, status, total_amount, create_time, currency from orders order by id limit 60"
SCALE = 2  # pixels for each of the page's: thin letters have their own colour somewhere
MIN_TEXT_RATIO = 4.5
EDGE_PX = 1.0
MAX_OVERLAP_PX = (1.0, 3.0)  # boxes of lines reach above and below their letters
MAX_CHANGED_SHARE = 0.001  # of the pixels, after a change of theme and back
# Each line of text that is seen: what it says, and its box.
LIST_TEXTS = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { currentNode: node } = walker;
    const { parentElement: parent } = node;
    if (!node.data.trim() || parent.closest("script, style") || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = parent.closest("svg") ? [parent.getBoundingClientRect()] : range.getClientRects();
    for (const { left, top, right, bottom } of boxes) {
      if (right - left > 1 && bottom - top > 1) found.push([node.data.trim(), left, top, right, bottom]);
    }
  }
  return found;
}"""
Box = tuple[str, float, float, float, float]


async def show_state(host: BrowserHost, state: str) -> None:
    if state == "preview":
        await preview_price(host)
    elif state == "worklist":
        await host.show("get_worklist")
    else:
        await host.show("query_shop", sql=SQL)
        if state == "chart":
            chart = {"content": [], "_meta": {"tiktok-shop/chart": make_chart("line")}}
            await host.notify(TOOL_RESULT, chart)
            await host.view.wait_for_selector("svg")


async def wear_theme(host: BrowserHost, theme: str) -> None:
    await host.notify("ui/notifications/host-context-changed", {"theme": theme})
    await host.wait_until(f"document.documentElement.dataset.theme === '{theme}'")


async def take_picture(host: BrowserHost) -> tuple[Image.Image, list[Box]]:
    """All of the page in a window as high as it is, and the texts on it."""
    await host.wait_until("innerHeight >= document.body.getBoundingClientRect().height")
    # A window that was made for more before is not narrowed at once.
    width, height = await host.view.evaluate("[innerWidth, Math.ceil(document.body.getBoundingClientRect().height)]")
    await host.page.set_viewport_size({"width": width, "height": height})
    await host.wait_until("await new Promise(requestAnimationFrame) && true")
    boxes: list[Box] = [tuple(each) for each in await host.view.evaluate(LIST_TEXTS)]
    return Image.open(io.BytesIO(await host.page.screenshot())).convert("RGB"), boxes


def list_overlaps(boxes: list[Box]) -> list[tuple[str, str]]:
    """The texts that lie over another one."""
    found = []
    for place, (text, left, top, right, bottom) in enumerate(boxes):
        for other, other_left, other_top, other_right, other_bottom in boxes[:place]:
            across = min(right, other_right) - max(left, other_left)
            down = min(bottom, other_bottom) - max(top, other_top)
            if across > MAX_OVERLAP_PX[0] and down > MAX_OVERLAP_PX[1]:
                found.append((text, other))
    return found


def measure_text(picture: Image.Image, box: Box) -> float:
    """How much the strongest pixel of a text stands out from what is around it."""
    _, left, top, right, bottom = box
    counts = count_colors(
        picture.crop((int(left * SCALE), int(top * SCALE), int(right * SCALE) + 1, int(bottom * SCALE) + 1))
    )
    ((around, _),) = counts.most_common(1)
    return max(measure_contrast(color, around) for color in counts)


def measure_change(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that are not the same."""
    unlike = ImageChops.difference(one, other).convert("L").point([0] + [255] * 255)
    return unlike.histogram()[255] / (unlike.width * unlike.height)


@pytest.mark.parametrize("width", [360, 700])
@pytest.mark.parametrize("state", STATES)
async def test_every_text_is_legible_and_has_its_place_in_both_themes(
    show_host: ShowHost, state: str, width: int
) -> None:
    async with show_host(width=width, scale=SCALE) as host:
        await show_state(host, state)
        pictures, layouts = [], []
        for theme in ("light", "dark", "light"):
            await wear_theme(host, theme)
            picture, boxes = await take_picture(host)
            assert len(boxes) >= (8 if state == "chart" else 20)
            assert [box for box in boxes if box[1] < 0 or box[3] > width + EDGE_PX] == [], theme
            assert list_overlaps(boxes) == [], theme
            assert [box[0] for box in boxes if measure_text(picture, box) < MIN_TEXT_RATIO] == [], theme
            pictures.append(picture)
            layouts.append(boxes)
    light, dark, light_again = pictures
    assert layouts[1] == layouts[0] == layouts[2], "a theme moves nothing"
    assert light.size == dark.size
    assert measure_contrast(*(count_colors(each).most_common(1)[0][0] for each in (light, dark))) > MIN_TEXT_RATIO
    assert measure_change(light, light_again) <= MAX_CHANGED_SHARE, "nothing of the other theme is left behind"
