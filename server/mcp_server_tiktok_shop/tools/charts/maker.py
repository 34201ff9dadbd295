"""Adds a chart to an answer: a picture for people, data for hosts that draw, and words for the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.caller import Picture
from mcp_server_tiktok_shop.calls.redaction.free_text import strip_invisible
from mcp_server_tiktok_shop.tools.charts.chart import NoChartError
from mcp_server_tiktok_shop.tools.charts.choice import choose_chart

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
    from mcp_server_tiktok_shop.tools.charts.chart import ChartSource
    from mcp_server_tiktok_shop.tools.charts.drawer import ChartDrawer
    from mcp_server_tiktok_shop.tools.charts.requests import ChartRequest

CHART_META = "tiktok-shop/chart"
NO_VIEWER = "Nobody sees a picture here: save_as with a name that ends in .png makes a file of it."
BOXES_NOTE = "No font here has {letters}: boxes in the picture, right in the rows. A font such as Noto Sans mends it."
NOTHING_SAVED = "Nothing was saved."


class ChartMaker(Struct, frozen=True):
    """Makes the charts of the tools that answer with rows; `hide_secrets` goes over every text in them."""

    drawer: ChartDrawer
    export_folder: ExportFolder
    hide_secrets: Callable[[str], str]

    def prepare(self, request: ChartRequest | None) -> None:
        """Make ready while what is to be drawn is still being read."""
        if request is not None:
            self.drawer.prepare()

    async def add(self, data: Json, request: ChartRequest | None, source: ChartSource, caller: Caller) -> Json:
        """The `data` of an answer with `chart` in it: what the picture shows, or the problem that there is none.

        Raises:
            ShopError: `invalid_arguments` of a column; as `ExportFolder.save_bytes`.

        """
        if request is None:
            return data
        try:
            return data | {"chart": await self._make(request, source, caller)}
        except NoChartError as error:
            problem = f"{error} {NOTHING_SAVED}" if request.file_name is not None else str(error)
            return data | {"chart": {"problem": problem}}

    async def _make(self, request: ChartRequest, source: ChartSource, caller: Caller) -> Json:
        chart = choose_chart(request, source, self._clean_text)
        caller.add_meta(CHART_META, chart.to_json())
        if not caller.sees_pictures and request.file_name is None:
            raise NoChartError(NO_VIEWER)
        drawing = await self.drawer.draw(chart, request.theme)
        content = drawing.content
        caller.add_picture(Picture(content))
        told = chart.describe()
        notes = [*chart.notes, *([BOXES_NOTE.format(letters=drawing.boxes)] if drawing.boxes else ())]
        if notes:
            told["note"] = " ".join(notes)
        if request.file_name is not None:
            saved = await self.export_folder.save_bytes(request.file_name, content, len(chart.points))
            told["saved"] = {name: value for name, value in saved.to_json().items() if name != "rows"}
        return told

    def _clean_text(self, text: str) -> str:
        return self.hide_secrets(strip_invisible(text))
