"""A workbook holds what was given: ids and texts as text, amounts to the cent, moments in the shop's zone."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import string
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.table_files import xlsx_files
from mcp_server_tiktok_shop.table_files.column_kinds import make_sql_columns
from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder, SavedFile
from mcp_server_tiktok_shop.table_files.file_names import parse_file_name
from mcp_server_tiktok_shop.table_files.tables import FileColumn, FileTable

LONDON = ZoneInfo("Europe/London")
NOW = 1_795_000_000.0
# Readers do not agree on what XML can't hold and on line ends; a cell of them is tried on its own.
PLAIN_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=40).filter(lambda t: "_x" not in t)
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
EXAMPLES = settings(max_examples=40)


def save(folder: Path, name: str, *tables: FileTable) -> SavedFile:
    return asyncio.run(ExportFolder(folder, lambda: NOW).save_tables(parse_file_name(name), tables))


def read(saved: SavedFile) -> Any:
    return openpyxl.load_workbook(saved.path).worksheets[0]


@EXAMPLES
@given(st.lists(st.tuples(PLAIN_TEXT, AMOUNTS, st.sampled_from(["GBP", "USD", "EUR"])), max_size=12))
def test_texts_and_amounts_come_back_as_they_were(rows: list[tuple[str, Decimal, str]]) -> None:
    columns = (FileColumn("note"), FileColumn("total", "money", currency_column="currency"), FileColumn("currency"))
    with TemporaryDirectory() as folder:
        sheet = read(save(Path(folder), "x.xlsx", FileTable(columns, rows)))
        cells = list(sheet.iter_rows(min_row=2))
    assert len(cells) == len(rows)
    for (note, total, currency), (note_cell, total_cell, currency_cell) in zip(rows, cells, strict=True):
        assert (note_cell.value or "") == note
        assert note_cell.data_type in ("s", "inlineStr", "n")
        assert note_cell.data_type != "n" or not note
        assert note_cell.hyperlink is None
        assert total_cell.data_type == "n"
        assert Decimal(repr(total_cell.value)) == total
        assert total_cell.number_format == f"[${currency}] #,##0.00"
        assert currency_cell.value == currency


@EXAMPLES
@given(st.lists(st.text(max_size=60), max_size=8))
def test_no_text_becomes_a_formula_a_link_or_a_number(texts: list[str]) -> None:
    texts += ["=1+1", "+1", "@x", "https://shop.test", "internal: x", "mailto:x", "0012", "1e5", "TRUE", "=" * 5]
    with TemporaryDirectory() as folder:
        sheet = read(save(Path(folder), "x.xlsx", FileTable((FileColumn("note"),), [[text] for text in texts])))
    for text, (cell,) in zip(texts, sheet.iter_rows(min_row=2, max_row=len(texts) + 1), strict=True):
        assert cell.data_type in ("s", "inlineStr") or (cell.value is None and not text)
        assert cell.hyperlink is None
        if text and all(char in string.printable and char not in "\r\x0b\x0c" for char in text) and "_x" not in text:
            assert cell.value == text


def test_a_currency_decides_how_many_digits_are_shown(tmp_path: Path) -> None:
    columns = (
        FileColumn("price", "money", currency="IDR"),
        FileColumn("cost", "money", currency="GBP"),
        FileColumn("x", "money"),
    )
    sheet = read(save(tmp_path, "x.xlsx", FileTable(columns, [["125000", "0.0375", "7.5"]])))
    formats = [cell.number_format for cell in sheet[2]]
    assert formats == ["[$IDR] #,##0", "[$GBP] #,##0.0000", "#,##0.00"]
    assert [cell.value for cell in sheet[2]] == [125000, 0.0375, 7.5]


def test_what_a_spreadsheet_would_round_stays_text_and_is_told(tmp_path: Path) -> None:
    columns = (FileColumn("id", "id"), FileColumn("total", "money", currency="VND"), FileColumn("units", "count"))
    rows: list[list[Any]] = [
        ["5761234567890123456", Decimal("1234567890123456.78"), 1234567890123456789],
        [5761234567890123457, 1, 2],
    ]
    saved = save(tmp_path, "x.xlsx", FileTable(columns, rows))
    sheet = read(saved)
    assert [cell.value for cell in sheet[2]] == ["5761234567890123456", "1234567890123456.78", "1234567890123456789"]
    assert [cell.value for cell in sheet[3]] == ["5761234567890123457", 1, 2]
    assert "15 digits" in " ".join(saved.notes)


def test_moments_are_real_times_in_the_shops_zone_which_the_heading_names(tmp_path: Path) -> None:
    moments = [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 01:30 in summer time, and an hour later again
        "2026-10-25T01:30:00+00:00",
        int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()),
        "2026-07-01T08:00:00-04:00",
        "no time at all",
        None,
    ]
    columns = (FileColumn("create_time", "time"), FileColumn("day", "date"))
    rows = [[moment, date(2026, 2, 28)] for moment in moments]
    sheet = read(save(tmp_path, "x.xlsx", FileTable(columns, rows, LONDON)))
    assert [cell.value for cell in sheet[1]] == ["create_time (Europe/London)", "day"]
    assert [sheet.cell(row, 1).value for row in range(2, 8)] == [
        datetime(2026, 10, 25, 1, 30),  # noqa: DTZ001 - a spreadsheet's times have no zone
        datetime(2026, 10, 25, 1, 30),  # noqa: DTZ001
        datetime(2026, 7, 1, 13),  # noqa: DTZ001
        datetime(2026, 7, 1, 13),  # noqa: DTZ001
        "no time at all",
        None,
    ]
    assert sheet.cell(2, 2).value == datetime(2026, 2, 28)  # noqa: DTZ001
    assert sheet.cell(2, 1).is_date
    assert sheet.cell(2, 2).number_format == "yyyy-mm-dd"


@EXAMPLES
@given(st.integers(min_value=0, max_value=4 * 10**9), st.sampled_from(["Asia/Jakarta", "America/New_York", "UTC"]))
def test_any_moment_is_its_local_time(seconds: int, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    with TemporaryDirectory() as folder:
        table = FileTable((FileColumn("t", "time"),), [[datetime.fromtimestamp(seconds, UTC)]], zone)
        value = read(save(Path(folder), "x.xlsx", table)).cell(2, 1).value
    local = datetime.fromtimestamp(seconds, zone).replace(tzinfo=None)
    assert abs(value - local) < timedelta(milliseconds=2)


def test_the_heading_stays_in_view_and_rows_can_be_filtered(tmp_path: Path) -> None:
    sheet = read(
        save(tmp_path, "x.xlsx", FileTable((FileColumn("id", "id"), FileColumn("name")), [["1", "x" * 300]] * 3))
    )
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:B4"
    assert sheet.column_dimensions["A"].width < sheet.column_dimensions["B"].width <= 61


def test_a_text_longer_than_a_cell_is_cut_and_told_and_line_breaks_are_one_kind(tmp_path: Path) -> None:
    saved = save(
        tmp_path, "x.xlsx", FileTable((FileColumn("note"),), [["\U0001f375" * 30_000], ["a\r\nb\rc"], ["\x01\ud800"]])
    )
    sheet = read(saved)
    assert len(sheet.cell(2, 1).value.encode("utf-16-le")) <= 32_767 * 2
    assert sheet.cell(2, 1).value.endswith("…")
    assert sheet.cell(3, 1).value == "a\nb\nc"
    assert sheet.cell(4, 1).value == "\ufffd\ufffd"
    assert "1 texts are cut" in " ".join(saved.notes)


def test_more_rows_than_a_sheet_has_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_files, "MAX_ROWS", 3)
    with pytest.raises(ShopError) as refused:
        save(tmp_path, "x.xlsx", FileTable((FileColumn("id"),), [["1"]] * 4))
    assert ".csv" in refused.value.hint
    assert list(tmp_path.iterdir()) == []
    assert save(tmp_path, "x.csv", FileTable((FileColumn("id"),), [["1"]] * 4)).row_count == 4


def test_sheets_have_names_that_excel_takes_and_no_two_the_same(tmp_path: Path) -> None:
    names = ["Sales/Fees [x]", "sales fees  x", "history", "x" * 40, "x" * 40, "'"]
    tables = [FileTable((FileColumn("id"),), [["1"]], sheet_name=name) for name in names]
    book = openpyxl.load_workbook(save(tmp_path, "x.xlsx", *tables).path)
    assert len({name.casefold() for name in book.sheetnames}) == len(names)
    assert all(len(name) <= 31 for name in book.sheetnames)


def test_no_file_is_overwritten_and_the_new_name_is_told(tmp_path: Path) -> None:
    table = FileTable((FileColumn("id", "id"),), [["1"]])
    paths = [save(tmp_path, "x.csv", table) for _ in range(3)]
    assert [saved.path.name for saved in paths] == ["x.csv", "x-2.csv", "x-3.csv"]
    assert any("x.csv is there already: this is x-2.csv" in note for note in paths[1].notes)
    assert {path.name for path in tmp_path.iterdir()} == {"x.csv", "x-2.csv", "x-3.csv"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_folder_that_cant_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ShopError) as refused:
        save(tmp_path / "file", "x.xlsx", FileTable((FileColumn("id"),), [["1"]]))
    assert refused.value.kind == "not_configured"


def test_what_a_killed_process_left_is_taken_away_after_an_hour(tmp_path: Path) -> None:
    for name in ("export-a.new", "export-b.new", "mine.new"):
        (tmp_path / name).write_text("half", encoding="utf-8")
    (tmp_path / "export-c.new.d").mkdir()
    (tmp_path / "export-d.new").mkdir()
    for name in ("export-a.new", "mine.new", "export-d.new"):
        os.utime(tmp_path / name, (0, 0))
    save(tmp_path, "x.xlsx", FileTable((FileColumn("id"),), [["1"]]))
    assert {path.name for path in tmp_path.iterdir()} == {"export-b.new", "mine.new", "export-c.new.d", "x.xlsx"}


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    class Rows(list[list[str]]):
        def __iter__(self) -> Any:
            raise OSError(28, "No space left on device")

    for name in ("x.xlsx", "x.csv", "x.json"):
        with pytest.raises(ShopError) as refused:
            save(tmp_path, name, FileTable((FileColumn("id"),), Rows([["1"]])))
        assert refused.value.kind == "not_configured"
    assert list(tmp_path.iterdir()) == []


JSON_CELLS = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | AMOUNTS


@EXAMPLES
@given(st.lists(st.tuples(JSON_CELLS, JSON_CELLS), max_size=6))
def test_json_is_exact(rows: list[tuple[Any, Any]]) -> None:
    columns = (FileColumn("a", "money", currency="GBP"), FileColumn("a"))
    with TemporaryDirectory() as folder:
        saved = save(Path(folder), "x.json", FileTable(make_sql_columns([("a", "DECIMAL(18,2)"), ("a", "JSON")]), rows))
        content = json.loads(saved.path.read_text(encoding="utf-8"))
    assert len(content) == len(rows)
    assert len(columns) == 2
    for row, objects in zip(rows, content, strict=True):
        for value, told in zip(row, (objects["a"], objects["a_2"]), strict=True):
            if isinstance(value, Decimal):
                assert Decimal(told) == value
            elif isinstance(value, bool) or value is None:
                assert told is value
            else:
                assert str(told) == str(value)


def test_csv_holds_exact_texts_and_no_formula(tmp_path: Path) -> None:
    columns = (
        FileColumn("id", "id"),
        FileColumn("total", "money"),
        FileColumn("t", "time"),
        FileColumn("=note"),
        FileColumn("ok"),
    )
    rows: list[list[Any]] = [
        ["0012", Decimal("-3.10"), "2026-07-01T12:00:00+00:00", "=1;=2", True],
        ["1", None, None, None, False],
    ]
    saved = save(tmp_path, "x.csv", FileTable(columns, rows, LONDON))
    with saved.path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert lines == [
        ["id", "total", "t", "'=note", "ok"],
        ["0012", "-3.10", "2026-07-01T13:00:00+01:00", "'=1;'=2", "true"],
        ["1", "", "", "", "false"],
    ]
