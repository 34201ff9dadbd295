"""Parses the `chart` argument: kind, columns, and whether to save a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.table_files.file_names import PICTURE_FORMAT, parse_file_name

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.table_files.file_names import FileName

ChartKind = Literal["line", "bar", "stacked", "area", "scatter", "heat"]
Theme = Literal["light", "dark"]


class ChartRequest(Struct, frozen=True):
    """A chart as it was asked for: what is empty is to be chosen. `file_name` is the file that the picture goes to."""

    kind: ChartKind | Literal[""] = ""
    x: str = ""
    y: str = ""
    series: str = ""
    theme: Theme = "light"
    file_name: FileName | None = None


def read_output(values: Json) -> tuple[FileName | None, ChartRequest | None]:
    """The file that a table goes to, and the chart that is asked for; a file of a picture asks for one as well.

    Raises:
        ShopError: `invalid_arguments`: a name that no file can have.

    """
    save_as = parse_file_name(values["save_as"], has_pictures=True) if values.get("save_as") else None
    choice: Json | None = values.get("chart")
    if save_as is None or save_as.format != PICTURE_FORMAT:
        return save_as, None if choice is None else ChartRequest(**choice)
    return None, ChartRequest(**(choice or {}), file_name=save_as)


def refuse_column(role: str, message: str, allowed: str) -> ShopError:
    """The error of a chart whose column for this role (x, y, series) will not do."""
    problem = Problem(f"chart.{role}", message, allowed)
    hint = "Name a column of the result, or leave it away: one is chosen."
    return ShopError("invalid_arguments", f"chart.{role}: {message}", hint=hint, problems=(problem,))
