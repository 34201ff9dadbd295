"""Writes a chart as a Vega-Lite specification in our own words, with others' text only as data and titles.

Fields are always `x`, `y` and `s`, so that no name of a column is read as a path; no text of a caller stands where
Vega would read an expression, a link or a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.charts.chart import Chart
    from mcp_server_tiktok_shop.tools.charts.requests import Theme

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"  # names the version; nothing is fetched
WIDTH_PX, HEIGHT_PX = 400, 250  # as people see it; twice that is drawn
BAR_STEP_PX = 20
FONT = "Liberation Sans, Noto Sans, sans-serif"
FONT_PX, TITLE_PX = 11, 13
DAY_CHARS, CLOCK_CHARS = len("2026-11-01"), len("2026-11-01T09:00:00")
MAX_HOUR_DAYS = 3  # days whose hours are named on the axis
MAX_DOTS = 40  # points of a line that are marked each
SHORT_NUMBERS_ABOVE = 10_000
WRITES_BILLIONS = "replace(format(datum.value, '~s'), 'G', 'B')"
# Each stands out from its background by 3:1 at least, as the guidelines for web content ask, and from the others for
# eyes without one of the three cones, too: found by search, from two of the colours that Okabe and Ito chose.
COLORS: dict[Theme, list[str]] = {
    "light": ["#0072B2", "#D55E00", "#16570F", "#B048FD", "#4B0C80", "#B71D78", "#000000", "#0000E8"],
    "dark": ["#56B4E9", "#E69F00", "#31FB77", "#AA619B", "#FFFFFF", "#FF041A", "#048D43", "#E201FF"],
}
MARK_OPACITY = 0.9  # of marks that overlap; with less the palest are lost
BACKGROUND: dict[Theme, str] = {"light": "#FFFFFF", "dark": "#1E1E1E"}
INK: dict[Theme, str] = {"light": "#222222", "dark": "#E6E6E6"}
AXIS: dict[Theme, str] = {"light": "#767676", "dark": "#949494"}
GRID: dict[Theme, str] = {"light": "#E2E2E2", "dark": "#3A3A3A"}  # faint, as nothing is lost without it


def build_spec(chart: Chart, theme: Theme) -> Json:
    """The specification of a chart, with its data in it."""
    build = _BUILDERS.get(chart.kind, _build_axes)
    encoding, mark = build(chart, theme)
    is_listed = chart.kind in ("bar", "stacked") and chart.x_type == "category" and not _is_short(chart)
    height = max(len(chart.x_labels) * BAR_STEP_PX, 3 * BAR_STEP_PX) if is_listed else HEIGHT_PX
    if is_listed:
        encoding = {"x": encoding["y"], "y": encoding["x"], **_omit(encoding, "x", "y")}
        if "xOffset" in encoding:
            encoding["yOffset"] = encoding.pop("xOffset")
            height = len(chart.x_labels) * BAR_STEP_PX * max(len(chart.series_labels) // 2, 1)
    return {
        "$schema": SCHEMA,
        "background": BACKGROUND[theme],
        "width": WIDTH_PX,
        "height": height,
        "autosize": {"type": "fit-x" if is_listed else "fit", "contains": "padding"},
        "padding": 8,
        "title": {"text": chart.title, "anchor": "start", "limit": WIDTH_PX - 20},
        "data": {"values": _list_values(chart)},
        "mark": mark,
        "encoding": encoding,
        "config": _build_config(theme),
    }


def _omit(values: Json, *names: str) -> Json:
    return {name: value for name, value in values.items() if name not in names}


def _is_short(chart: Chart) -> bool:
    """Whether the names of bars have room below them: hours and weekdays do, products do not."""
    longest = max(map(len, chart.x_labels), default=0)
    return longest * len(chart.x_labels) <= 60  # noqa: PLR2004 - characters of the font in the width


def _list_values(chart: Chart) -> list[Json]:
    values = [_to_row(chart, point.x, point.y, point.series) for point in chart.points]
    if not chart.pieces:
        return values
    return [value | {"p": piece} for value, piece in zip(values, chart.pieces, strict=True)]


def _to_row(chart: Chart, x: Any, y: Any, series: str) -> Json:
    is_moment = chart.has_clock_times and not chart.x_labels  # bars stand by what their labels say
    place = float(x) if chart.x_type == "number" else f"{x[:CLOCK_CHARS]}Z" if is_moment else x
    return {"x": place, "y": float(y)} | ({"s": series} if chart.series else {})


def _build_axes(chart: Chart, theme: Theme) -> tuple[Json, Json]:
    """Line, bar, stacked bars and areas: x, height and colour."""
    encoding = {"x": _build_x(chart), "y": _build_measure(chart)}
    if chart.series:
        encoding["color"] = _build_color(chart, theme)
        if chart.kind == "bar":
            encoding["xOffset"] = {"field": "s", "type": "nominal", "sort": list(chart.series_labels)}
        if chart.kind in ("stacked", "area"):
            encoding["order"] = {"field": "s", "type": "nominal"}
    if chart.kind in ("bar", "stacked"):
        return encoding, {"type": "bar"}
    if chart.kind == "area":
        encoding["y"] |= {"stack": "zero"} | ({"impute": {"value": 0}} if chart.series else {})
        return encoding, {"type": "area", "opacity": MARK_OPACITY}
    if chart.pieces:
        encoding["detail"] = {"field": "p", "type": "nominal"}
    count = len(chart.points) // max(len(chart.series_labels), 1)
    dots = {"size": 25} if count <= MAX_DOTS else {"size": 6} if chart.pieces else False  # one may stand alone
    return encoding, {"type": "line", "strokeWidth": 2, "point": dots}


def _build_scatter(chart: Chart, theme: Theme) -> tuple[Json, Json]:
    encoding = {
        "x": {"field": "x", "type": "quantitative", "axis": {"title": _to_words(chart.x)}},
        "y": _build_measure(chart),
    }
    if chart.series:
        encoding["color"] = _build_color(chart, theme)
    return encoding, {"type": "point", "filled": True, "size": 40, "opacity": MARK_OPACITY}


def _build_heat(chart: Chart, theme: Theme) -> tuple[Json, Json]:
    unit = chart.currency or _to_words(chart.y)
    color = {
        "field": "y",
        "type": "quantitative",
        "scale": {"scheme": "viridis", "reverse": theme == "light"},
        "legend": {"title": unit, "orient": "bottom", "gradientLength": 200} | _build_number_labels(chart),
    }
    x = {"field": "x", "type": "ordinal", "sort": list(chart.x_labels)}
    y = {"field": "s", "type": "ordinal", "sort": list(chart.series_labels)}
    axis: Json = {"labelOverlap": "greedy", "labelSeparation": 4, "labelAngle": 0}
    return {
        "x": x | {"axis": axis | {"title": _to_words(chart.x)}},
        "y": y | {"axis": {"title": _to_words(chart.series)}},
        "color": color,
    }, {"type": "rect"}


_BUILDERS = {"scatter": _build_scatter, "heat": _build_heat}


def _build_x(chart: Chart) -> Json:
    title = {"title": _to_words(chart.x)}
    if not chart.x_labels:
        form = "%-d %b" if len({str(point.x)[:DAY_CHARS] for point in chart.points}) > MAX_HOUR_DAYS else "%-d %b %H:%M"
        axis: Json = {"title": None, "format": form, "tickCount": 6, "labelOverlap": "greedy", "labelFlush": True}
        return {"field": "x", "type": "temporal", "scale": {"type": "utc"}, "axis": axis}
    axis = title | {"labelOverlap": "greedy", "labelAngle": 0, "labelLimit": 150}
    return {"field": "x", "type": "ordinal", "sort": list(chart.x_labels), "axis": axis}


def _build_measure(chart: Chart) -> Json:
    """The axis of amounts, which says in what they are."""
    name = _to_words(chart.y)
    title = f"{name} ({chart.currency})" if chart.currency else name
    axis = {"title": title, "tickCount": 5} | _build_number_labels(chart)
    return {"field": "y", "type": "quantitative", "axis": axis}


def _build_number_labels(chart: Chart) -> Json:
    largest = max((abs(point.y) for point in chart.points), default=0)
    return {"labelExpr": WRITES_BILLIONS} if largest >= SHORT_NUMBERS_ABOVE else {"format": ",~f"}


def _build_color(chart: Chart, theme: Theme) -> Json:
    labels = list(chart.series_labels)
    scale = {"domain": labels, "range": COLORS[theme][: len(labels)]}
    columns = 2 if any(len(label) > 12 for label in labels) else 4  # noqa: PLR2004 - characters of a quarter of the width
    legend = {"title": None, "orient": "bottom", "columns": columns, "labelLimit": WIDTH_PX // columns - 30}
    return {"field": "s", "type": "nominal", "sort": labels, "scale": scale, "legend": legend}


def _to_words(name: str) -> str:
    return name.replace("_", " ")


def _build_config(theme: Theme) -> Json:
    ink, axis, grid = INK[theme], AXIS[theme], GRID[theme]
    text = {"labelColor": ink, "titleColor": ink, "labelFontSize": FONT_PX, "titleFontSize": FONT_PX}
    return {
        "font": FONT,
        "view": {"stroke": None},
        "mark": {"color": COLORS[theme][0]},
        "axis": text | {"gridColor": grid, "domainColor": axis, "tickColor": axis, "titleFontWeight": "normal"},
        "legend": text | {"titleFontWeight": "normal"},
        "title": {"color": ink, "fontSize": TITLE_PX},
    }
