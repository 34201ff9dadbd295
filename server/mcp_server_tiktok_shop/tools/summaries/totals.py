"""Adds up amounts and counts by group and currency, to the cent, and shows them as a table that still adds up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Literal

from mcp_server_tiktok_shop.money import format_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json

Number = int | Decimal
RowOrder = Literal["by name", "largest first", "smallest first"]
MAX_ROWS = 100
UNKNOWN_TIME = "unknown"  # the day or week of what has no time that can be read
MAX_TITLE_CHARS = 60  # characters of a title


def format_number(number: Number) -> Number | str:
    """A sum as it is shown: money as text, a count as a number."""
    return format_amount(number) if isinstance(number, Decimal) else number


def format_average(total: Decimal, count: int) -> str:
    """With as many decimals as the total has."""
    return format_amount((total / count).quantize(total, ROUND_HALF_UP))


def shorten_title(title: Any) -> str:
    words = str(title or "")
    return words if len(words) <= MAX_TITLE_CHARS else words[: MAX_TITLE_CHARS - 1] + "…"


def format_day(moment: int | None, zone: ZoneInfo) -> str:
    if moment is None:
        return UNKNOWN_TIME
    return datetime.fromtimestamp(moment, zone).date().isoformat()


def format_week(moment: int | None, zone: ZoneInfo) -> str:
    if moment is None:
        return UNKNOWN_TIME
    year, number, _ = datetime.fromtimestamp(moment, zone).isocalendar()
    return f"{year}-W{number:02}"


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How a table is shown: the names of key and labels, in which order, and by which of the measures."""

    key_columns: tuple[str, ...]
    order: RowOrder = "largest first"
    sort_measure: int = 0


@dataclass(frozen=True, slots=True)
class ExtraColumns:
    """Further columns, that don't add up: the cells of each key, and what ranks the rows by them."""

    columns: tuple[str, ...]
    cells: dict[str, tuple[Any, ...]]
    rank: Callable[[tuple[Any, ...]], tuple[Any, ...]]


class TotalsTable:
    """Sums of `measures` for each pair of a key and a currency; `""` is the currency of what has none."""

    def __init__(self, measures: tuple[str, ...], state: Json | None = None) -> None:
        self.measures = measures
        self._sums: dict[tuple[str, str], list[Number]] = {}
        self._labels: dict[str, list[str]] = {}
        if state is not None:
            self._labels = state["labels"]
            for key, currency, numbers in state["sums"]:
                self._sums[key, currency] = [Decimal(n) if isinstance(n, str) else n for n in numbers]

    def add(self, key: str, currency: str, numbers: Iterable[Number], labels: Iterable[str] = ()) -> None:
        held = self._sums.get((key, currency))
        if held is None:
            self._sums[key, currency] = list(numbers)
            if key not in self._labels and (texts := list(labels)):
                self._labels[key] = texts
            return
        for place, number in enumerate(numbers):
            held[place] += number

    def to_state(self) -> Json:
        """All of it as JSON can hold it."""
        sums = [[*pair, [str(n) if isinstance(n, Decimal) else n for n in held]] for pair, held in self._sums.items()]
        return {"sums": sums, "labels": self._labels}

    def list_keys(self) -> list[str]:
        return list(dict.fromkeys(key for key, _ in self._sums))

    def sum_by_currency(self, key: str | None = None) -> dict[str, dict[str, Number]]:
        """By currency, the sums of one key, or of all."""
        found: dict[str, list[Number]] = {}
        for (name, currency), held in self._sums.items():
            if key in (None, name):
                so_far = found.get(currency)
                found[currency] = [a + b for a, b in zip(so_far, held, strict=True)] if so_far else list(held)
        return {c: dict(zip(self.measures, sums, strict=True)) for c, sums in sorted(found.items())}

    def list_rows(self) -> list[tuple[str, str, list[str], list[Number]]]:
        return [(key, c, self._labels.get(key, []), held) for (key, c), held in self._sums.items()]

    def to_json(self, look: TableLayout, beside: ExtraColumns | None = None) -> Json:
        """Columns and rows; beyond a hundred rows the rest is a line for each currency, so that all still adds up."""
        rows = sorted(self.list_rows(), key=lambda row: row[:2])
        if beside is not None:
            rows.sort(key=lambda row: beside.rank(beside.cells[row[0]]))
        elif look.order != "by name":
            rows.sort(key=lambda row: row[3][look.sort_measure], reverse=look.order == "largest first")
        kept, rest = (
            (rows[-MAX_ROWS:], rows[:-MAX_ROWS]) if look.order == "by name" else (rows[:MAX_ROWS], rows[MAX_ROWS:])
        )
        money = ["currency"] if any(row[1] for row in rows) else []
        columns = [*look.key_columns, *money, *self.measures, *(beside.columns if beside else ())]
        cells: list[list[Any]] = []
        for key, currency, labels, held in kept:
            more = beside.cells[key] if beside else ()
            cells.append([key, *labels, *([currency] if money else ()), *map(format_number, held), *more])
        for currency, (count, sums) in _sum_remaining_rows(rest).items():
            blank = [""] * (len(look.key_columns) - 1)
            other = [f"other ({count} groups)", *blank, *([currency] if money else ()), *map(format_number, sums)]
            cells.append(other + [None] * (len(columns) - len(other)))
        return {"columns": columns, "rows": cells}


def _sum_remaining_rows(rows: list[tuple[str, str, list[str], list[Number]]]) -> dict[str, tuple[int, list[Number]]]:
    found: dict[str, tuple[int, list[Number]]] = {}
    for _, currency, _, held in rows:
        count, sums = found.get(currency, (0, [0] * len(held)))
        found[currency] = (count + 1, [a + b for a, b in zip(sums, held, strict=True)])
    return found
