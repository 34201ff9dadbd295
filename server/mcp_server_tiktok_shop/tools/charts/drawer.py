"""Draws charts in a process beside the server, started with the first and ended when idle."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.tools.charts.chart import NoChartError
from mcp_server_tiktok_shop.tools.charts.vega_spec import build_spec
from mcp_server_tiktok_shop.workers.pool import WorkerEndedError, WorkerPool, WorkersBusyError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.tools.charts.chart import Chart
    from mcp_server_tiktok_shop.tools.charts.requests import Theme

WORKER_MODULE = "mcp_server_tiktok_shop.tools.charts.worker"
LIBRARY = "vl_convert"
MAX_PICTURE_BYTES = 60_000
MAX_TRIED_LETTERS = 60  # beyond those of every font: each takes a thousandth of a second
DRAWING_TIMEOUT_S = 15.0
MISSING_EXTRA = (
    "Charts need the extra `charts`: install mcp-server-tiktok-shop[charts] in place of mcp-server-tiktok-shop and "
    "start the server again."
)


class ChartDrawing(Struct, frozen=True):
    """A picture as PNG, and the letters in it that are boxes, since no font of this computer has them."""

    content: bytes
    boxes: str = ""


class ChartDrawer:
    """Draws charts as PNG, where the library that does it is installed."""

    def __init__(self) -> None:
        self._pool = WorkerPool(WORKER_MODULE, "chart")

    @property
    def is_installed(self) -> bool:
        return find_spec(LIBRARY) is not None

    def prepare(self) -> None:
        """Start a process for a chart to come."""
        if self.is_installed:
            self._pool.prepare()

    async def draw(self, chart: Chart, theme: Theme) -> ChartDrawing:
        """The picture of a chart, of at most `MAX_PICTURE_BYTES`.

        Raises:
            NoChartError: What draws is not installed, or could not do it in time or in so many bytes.

        """
        if not self.is_installed:
            raise NoChartError(MISSING_EXTRA)
        texts = (chart.title, chart.x, chart.y, chart.series, *chart.x_labels, *chart.series_labels)
        letters = "".join(sorted({letter for text in texts for letter in text if not letter.isascii()}))
        job = {
            "spec": build_spec(chart, theme),
            "max_bytes": MAX_PICTURE_BYTES,
            "letters": letters[:MAX_TRIED_LETTERS],
        }
        try:
            reply, files = await self._pool.run(job, [], DRAWING_TIMEOUT_S)
        except WorkersBusyError:
            raise NoChartError("Too many charts are being drawn at once: ask again in a minute.") from None
        except TimeoutError:
            raise NoChartError("The chart was not drawn in time: fewer points may do.") from None
        except WorkerEndedError:
            raise NoChartError("The chart could not be drawn: the process for it ended, or can't be started.") from None
        if len(files[0]) > MAX_PICTURE_BYTES:
            raise NoChartError(f"The picture is larger than {MAX_PICTURE_BYTES // 1000} kB: draw fewer points.")
        return ChartDrawing(files[0], reply["boxes"])

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._pool.close()
