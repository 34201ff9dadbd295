"""Reads a person's spreadsheet, CSV or XLSX, as numbered lines of cells."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_UNPACKED_BYTES = 100 * 2**20  # a workbook is an archive, and a small one can hold a lot of nothing
SEPARATORS = ",;\t|"
# What columns that several tables have may be called, also in the languages of the markets.
SELLER_SKU_NAMES = ("seller_sku", "sku", "artikelnummer", "artikelnr", "referencia", "référence", "reference")
CURRENCY_NAMES = ("currency", "währung", "waehrung", "moneda", "devise", "valuta")
Line = tuple[int, list[Any]]  # its number as a spreadsheet or an editor shows it, and its cells


def read_sheet(argument: str, file_name: str, content: bytes) -> list[Line]:
    """The lines that hold something; of a workbook those of its first sheet, formulas as what they last came to.

    Cells of CSV are text; of a workbook text, numbers, dates or truth values, as they were entered.

    Raises:
        ShopError: `invalid_arguments` of `argument`: it is no such file.

    """
    name = file_name.casefold()
    if name.endswith(".xlsx"):
        lines = _read_workbook(argument, content)
    elif name.endswith(".csv"):
        lines = _read_csv(argument, content)
    else:
        raise _file_error(argument, "is neither CSV nor XLSX by its name", "a .csv or .xlsx file")
    return [(number, cells) for number, cells in lines if any(str(cell).strip() for cell in cells)]


def find_columns(heading: Sequence[Any], names: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The place of each column that is there, by our name: `names` lists what it may be called.

    Case and blanks around do not matter.
    """
    known = ["_".join(str(name).casefold().split()) for name in heading]
    places = {
        name: next((known.index(option) for option in options if option in known), None)
        for name, options in names.items()
    }
    return {name: place for name, place in places.items() if place is not None}


def _read_csv(argument: str, content: bytes) -> list[Line]:
    text = _decode(content)
    heading = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return [(reader.line_num, list(cells)) for cells in reader]
    except csv.Error as error:
        raise _file_error(argument, f"can't be read as CSV at line {reader.line_num}: {error}", "a CSV file") from None


def _decode(content: bytes) -> str:
    """Text in UTF-8, in UTF-16 with its mark, or else in what Windows wrote before."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _read_workbook(argument: str, content: bytes) -> list[Line]:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - only where there is a workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked_bytes = sum(part.file_size for part in archive.infolist())
    except zipfile.BadZipFile:
        raise _file_error(argument, "is no XLSX workbook", "a workbook as a spreadsheet saves it") from None
    if unpacked_bytes > MAX_UNPACKED_BYTES:
        allowed = f"at most {MAX_UNPACKED_BYTES // 2**20} MB"
        raise _file_error(argument, f"has {unpacked_bytes // 2**20} MB when unpacked", allowed)
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except CalamineError:
        raise _file_error(argument, "is no XLSX workbook", "a workbook as a spreadsheet saves it") from None
    return list(enumerate(rows, start=1))


def _file_error(argument: str, message: str, allowed: str) -> ShopError:
    problem = Problem(argument, message, allowed)
    return ShopError("invalid_arguments", f"{argument} {message}", problems=(problem,))
