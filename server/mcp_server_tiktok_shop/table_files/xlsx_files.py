"""Writes a table as an Excel workbook: ids as text, amounts as numbers, times as times, nothing executable."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.money import get_fraction_digits
from mcp_server_tiktok_shop.table_files.tables import (
    FileColumn,
    parse_date,
    parse_moment,
    parse_money,
    parse_number,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

    from mcp_server_tiktok_shop.table_files.tables import FileTable

MAX_ROWS = 1_048_575  # of a sheet, its heading not counted
MAX_COLUMNS = 16_384
MAX_TEXT_UNITS = 32_767  # UTF-16 units in a cell
MAX_SHEET_NAME_CHARS = 31
FIRST_DAY = date(1900, 3, 1)  # before it spreadsheets count the 29th of a February that never was
DEFAULT_DIGITS = 2  # of an amount whose currency is not known
MAX_NUMBER_DIGITS = 6
MAX_CACHED_CURRENCIES = 200
WIDTH_ROWS = 200  # that are looked at for the width of columns
MIN_WIDTH, MAX_WIDTH = 8, 60  # characters
TEXT_FORMAT = "@"
TIME_FORMAT, DATE_FORMAT = "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"
CURRENCY_CODE = re.compile(r"[A-Z]{3}")
# XML can't hold them, or a reader makes something else of them; line breaks of all kinds are one kind in a cell.
UNWRITABLE_CHARS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
LINE_BREAKS = re.compile("\r\n?")
BAD_SHEET_CHARS = re.compile(r"[\[\]:*?/\\]")
OPTIONS: dict[str, Any] = {
    "constant_memory": True,  # rows go to the disk as they come
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": TIME_FORMAT,
}


def write_xlsx(
    tables: Sequence[FileTable], file: IO[bytes], temporary_folder: Path, created_at: datetime
) -> tuple[str, ...]:
    """Write tables as a sheet each: heading frozen, filters on, widths by content; the notes for their reader.

    Amounts and counts of more than 15 digits are text, since a spreadsheet would change them.

    Raises:
        ShopError: `invalid_arguments`: more rows or columns than a sheet can have.
        OSError: The file can't be written.

    """
    from xlsxwriter import Workbook  # noqa: PLC0415 - only when a workbook is made
    from xlsxwriter.exceptions import FileCreateError  # noqa: PLC0415

    for table in tables:
        _check_size(table)
    workbook = Workbook(file, OPTIONS | {"tmpdir": str(temporary_folder)})
    workbook.set_properties({"created": created_at})
    writers = [
        _SheetWriter(workbook, workbook.add_worksheet(name), table)
        for name, table in zip(_name_sheets(tables), tables, strict=True)
    ]
    try:
        for writer in writers:
            writer.write()
    except BaseException:
        for writer in writers:  # closing the workbook would make one of the half that was written
            writer.sheet.row_data_fh.close()  # type: ignore[attr-defined]  # a file in this mode, not None
        raise
    try:
        workbook.close()
    except FileCreateError as error:  # of a full disk, say
        cause = error.args[0] if error.args else error
        raise cause if isinstance(cause, OSError) else OSError(str(cause)) from None
    return tuple(dict.fromkeys(note for writer in writers for note in writer.describe_changes()))


def _check_size(table: FileTable) -> None:
    if len(table.rows) > MAX_ROWS or len(table.columns) > MAX_COLUMNS:
        message = f"an .xlsx sheet has at most {MAX_ROWS:,} rows and {MAX_COLUMNS:,} columns"
        problem = Problem("save_as", f"{message}; there are {len(table.rows):,} and {len(table.columns):,}", ".csv")
        raise ShopError("invalid_arguments", f"save_as: {message}.", hint="Save as .csv.", problems=(problem,))


def _name_sheets(tables: Sequence[FileTable]) -> list[str]:
    """A name that Excel takes for each sheet; no two differ by case alone."""
    names: dict[str, str] = {}
    for table in tables:
        name = first_name = _to_sheet_name(table.sheet_name)
        number = 1
        while name.casefold() in names:
            number += 1
            suffix = f" {number}"
            name = first_name[: MAX_SHEET_NAME_CHARS - len(suffix)] + suffix
        names[name.casefold()] = name
    return list(names.values())


class _SheetWriter(Struct):
    workbook: Workbook
    sheet: Worksheet
    table: FileTable
    formats: dict[str, Format] = field(default_factory=dict)
    shortened_cells: int = 0
    text_numbers: int = 0

    def write(self) -> None:
        headings = [self._format_heading(column) for column in self.table.columns]
        for index, width in enumerate(self._measure_widths(headings)):
            self.sheet.set_column(index, index, width)
        bold = self.workbook.add_format({"bold": True, "bottom": 1, "valign": "top"})
        for index, heading in enumerate(headings):
            self.sheet.write_string(0, index, self._clean(heading), bold)
        self.sheet.freeze_panes(1, 0)
        if headings:
            self.sheet.autofilter(0, 0, len(self.table.rows), len(headings) - 1)
        currency_indexes = self.table.find_currency_indexes()
        for row_number, row in enumerate(self.table.rows, start=1):
            for index, (column, value) in enumerate(zip(self.table.columns, row, strict=True)):
                if value is None or value == "":
                    continue
                currency_index = currency_indexes.get(index)
                currency = column.currency if currency_index is None else row[currency_index]
                self._write_cell(row_number, index, column, value, currency)

    def describe_changes(self) -> tuple[str, ...]:
        """What of the table the sheet could not hold."""
        notes = []
        if self.shortened_cells:
            notes.append(f"{self.shortened_cells} texts are cut at {MAX_TEXT_UNITS:,} characters, a cell's most.")
        if self.text_numbers:
            notes.append(f"{self.text_numbers} numbers of over 15 digits are text, or they would be rounded.")
        return tuple(notes)

    def _write_cell(self, row_number: int, index: int, column: FileColumn, value: Any, currency: Any) -> None:
        kind = column.kind
        if kind in ("text", "id") and isinstance(value, str):  # most cells are
            self._write_text(row_number, index, value)
        elif isinstance(value, bool):
            self.sheet.write_boolean(row_number, index, value)
        elif kind == "money" and (amount := parse_money(value)) is not None:
            cell_format = self._get_format(_make_money_format(currency, amount))
            self.sheet.write_number(row_number, index, float(amount), cell_format)
        elif kind in ("count", "number") and (number := parse_number(value)) is not None:
            number_format = "0" if number == number.to_integral_value() else "General"
            self.sheet.write_number(row_number, index, float(number), self._get_format(number_format))
        elif kind == "time" and (moment := _to_local_time(value, self.table)) is not None:
            self.sheet.write_datetime(row_number, index, moment, self._get_format(TIME_FORMAT))
        elif kind == "date" and (day := parse_date(value)) is not None and day >= FIRST_DAY:
            midnight = datetime.combine(day, time())
            self.sheet.write_datetime(row_number, index, midnight, self._get_format(DATE_FORMAT))
        else:
            if kind in ("money", "count", "number") and isinstance(value, int | float | Decimal):
                self.text_numbers += 1
            self._write_text(row_number, index, to_text(column, value, self.table.zone))

    def _write_text(self, row_number: int, index: int, text: str) -> None:
        self.sheet.write_string(row_number, index, self._clean(text), self._get_format(TEXT_FORMAT))

    def _get_format(self, number_format: str) -> Format:
        cell_format = self.formats.get(number_format)
        if cell_format is None:
            cell_format = self.formats[number_format] = self.workbook.add_format({"num_format": number_format})
        return cell_format

    def _clean(self, text: str) -> str:
        """The text without what a cell can't hold, cut where it is too long for one."""
        if not text.isprintable():
            text = UNWRITABLE_CHARS.sub("\ufffd", LINE_BREAKS.sub("\n", text))
        if len(text) * 2 <= MAX_TEXT_UNITS:
            return text
        units = text.encode("utf-16-le")
        if len(units) <= MAX_TEXT_UNITS * 2:
            return text
        self.shortened_cells += 1
        return units[: (MAX_TEXT_UNITS - 1) * 2].decode("utf-16-le", "ignore") + "…"

    def _format_heading(self, column: FileColumn) -> str:
        """The column's name; of moments with the zone in which they are written."""
        if column.kind != "time":
            return column.name
        return f"{column.name} ({self.table.zone.key if self.table.zone else 'local time'})"

    def _measure_widths(self, headings: list[str]) -> list[int]:
        widths = [len(heading) + 3 for heading in headings]  # with the filter's button
        for row in islice(self.table.rows, WIDTH_ROWS):
            for index, (column, value) in enumerate(zip(self.table.columns, row, strict=True)):
                width = len(TIME_FORMAT) if column.kind == "time" else len(to_text(column, value, None))
                widths[index] = max(widths[index], width + (6 if column.kind == "money" else 1))
        return [min(max(width, MIN_WIDTH), MAX_WIDTH) for width in widths]


def _to_local_time(value: Any, table: FileTable) -> datetime | None:
    """The local time of a moment, to the millisecond; None where it is no moment that a spreadsheet can hold."""
    moment = parse_moment(value)
    if moment is None:
        return None
    try:
        local_time = (moment if table.zone is None else moment.astimezone(table.zone)).replace(tzinfo=None)
    except OverflowError:
        return None
    return local_time if local_time.date() >= FIRST_DAY else None


def _make_money_format(currency: Any, amount: Decimal) -> str:
    """Digits by the currency, more where the amount has more, and the currency's code before them."""
    code, digits = _read_currency(currency if isinstance(currency, str) else "")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > digits:
        exponent = amount.normalize().as_tuple().exponent
        digits = min(max(digits, -exponent if isinstance(exponent, int) else 0), MAX_NUMBER_DIGITS)
    plain_format = "#,##0" + ("." + "0" * digits if digits else "")
    return f"[${code}] {plain_format}" if code else plain_format


@lru_cache(MAX_CACHED_CURRENCIES)
def _read_currency(currency: str) -> tuple[str, int]:
    """The code of a currency, empty where it is none, and how many decimals its amounts have."""
    code = currency if CURRENCY_CODE.fullmatch(currency) else ""
    digits = get_fraction_digits(code)
    return code, DEFAULT_DIGITS if digits is None else digits


def _to_sheet_name(text: str) -> str:
    name = BAD_SHEET_CHARS.sub(" ", UNWRITABLE_CHARS.sub(" ", text)).strip(" '")[:MAX_SHEET_NAME_CHARS].strip(" '")
    return "Table" if not name or name.casefold() == "history" else name  # a name that Excel keeps for itself
