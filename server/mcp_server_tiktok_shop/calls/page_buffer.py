"""Buffers the rows of many pages for one result, as text and not as objects: forty thousand orders must fit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.builder import Projection, make_untrusted_entry, measure_overhead
from mcp_server_tiktok_shop.calls.results.field_notes import FieldNotes
from mcp_server_tiktok_shop.calls.results.json_paths import find_values, get_value, parse_path, replace_value
from mcp_server_tiktok_shop.calls.results.tabular import is_table
from mcp_server_tiktok_shop.calls.results.truncation import TRUNCATION_NOTICE_BYTES, Cut, to_json_text, truncate
from mcp_server_tiktok_shop.json_values import SkippedValues, parse_count

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.paging import Page
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.accounts import Shop

PER_PAGE_FIELDS = ("failed", "not_found")  # which any page may have beside its data
MAX_BUFFER_BYTES = 20 * 2**20  # bytes of rows in one result


class PageBuffer:
    """The rows of the pages that were read, and what stands beside the list on the first of them."""

    def __init__(self) -> None:
        self.page_count = 0
        self.row_count = 0
        self.total_count: int | None = None
        self._row_texts: list[bytes] = []
        self._size_bytes = 0
        self._list_path: list[str] = []
        self._first_data: Json = {}
        self._extras: Json = {}
        self._columns: list[str] | None = None
        self._untrusted: set[str] = set()
        self._notes: dict[str, None] = {}
        self._field_notes = FieldNotes()
        self._next_page_token: str | None = None
        self._resume_filter: Json = {}
        self._skipped = SkippedValues()
        self._stop_reason = ""

    @property
    def is_full(self) -> bool:
        """Whether no further page may be added."""
        return self._size_bytes > MAX_BUFFER_BYTES

    def record_stop(self, reason: str, *, is_platforms: bool = False) -> None:
        """Record why the list was not read to its end, for the result's note; it may be in the platform's words."""
        self._stop_reason = reason
        self._untrusted |= {"note"} if is_platforms else set()

    def add(self, page: Page, result: Json, projection: Projection) -> None:
        """Add a page: its normalized `result`, and the `projection` of that whose rows are buffered."""
        self.page_count += 1
        self._next_page_token, self._resume_filter = page.next_token, page.resume_filter
        self._untrusted |= set(projection.untrusted)
        self._notes |= dict.fromkeys(projection.notes)
        is_first = self.page_count == 1
        self._field_notes = projection.field_notes if is_first else self._field_notes.merge(projection.field_notes)
        self._list_path = self._list_path or (page.list_path.split(".") if page.list_path else [])
        self._skipped.update(result.get("skipped", {}))
        self._skipped.add(page.list_path.rpartition(".")[2], page.skipped)
        for name in PER_PAGE_FIELDS:
            if entries := result.get(name):
                self._extras[name] = [*self._extras.get(name, ()), *entries]
        if self.page_count == 1:
            self._first_data = projection.data
            handled_fields = ("data", "untrusted", "next_page_token", "note", "skipped", *PER_PAGE_FIELDS)
            self._extras = {n: v for n, v in result.items() if n not in handled_fields} | self._extras
            self.total_count = parse_count(result["data"].get("total_count"))
        row_list = get_value(projection.data, self._list_path)
        rows = row_list["rows"] if is_table(row_list) else row_list if isinstance(row_list, list) else []
        columns = row_list["columns"] if is_table(row_list) else None
        if self.row_count and columns != self._columns:
            rows = self._convert_rows(rows, columns)
        else:
            self._columns = columns
        texts = [to_json_text(row).encode() for row in rows]
        self._row_texts += texts
        self._size_bytes += sum(map(len, texts))
        self.row_count += len(rows)

    def _convert_rows(self, rows: list[Any], columns: list[str] | None) -> list[Any]:
        """The rows of a page that is a table where the buffer holds objects, or the other way round."""
        if self._columns is None:
            return [_to_object(columns or [], row) for row in rows]
        return [[_get_cell(row, column) for column in self._columns] for row in rows]

    async def to_result(self, result_builder: ResultBuilder, shop: Shop | None) -> Json:
        """One result of all pages: the rows within the budget; where that is not all, all are stored to be read on."""
        summary = f"{self.page_count} page{'s' * (self.page_count > 1)}, {self.row_count} items"
        notes = [f"{summary}; not all: {self._stop_reason}." if self._stop_reason else f"{summary}."]
        notes += filter(None, [self._skipped.describe(), *self._notes])
        notes += self._field_notes.to_texts(is_anything_found=self.row_count > 0)
        resume_text = "".join(f", with {name} {value}" for name, value in self._resume_filter.items())
        continue_note = f"`next_page_token` goes on{resume_text}." if self._next_page_token else ""
        stored_note = (
            f"At its end read_result gives the `next_page_token` that goes on{resume_text}."
            if self._next_page_token
            else ""
        )
        projection = Projection({}, sorted(self._untrusted), notes)
        first_rows = self._take_first_rows(result_builder.max_bytes)
        result = {"data": self._insert_rows([json.loads(text) for text in first_rows]), **self._extras}
        result |= {"shop": shop.label} if shop else {}
        result |= make_untrusted_entry(projection.untrusted, result)
        result |= {"next_page_token": self._next_page_token} if self._next_page_token else {}
        truncated = truncate(
            result, result_builder.max_bytes - measure_overhead([*notes, stored_note]), TRUNCATION_NOTICE_BYTES
        )
        is_complete = truncated.is_complete and len(first_rows) == self.row_count
        projection.notes.extend(filter(None, [continue_note if is_complete else stored_note]))
        if is_complete:
            return await result_builder.truncate(result, projection, result["data"], shop)
        hidden_count = self.row_count - len(first_rows)
        list_path = ".".join(self._list_path)
        cuts = [
            Cut(list_path, cut.shown_count, self.row_count) if cut.path == list_path else cut for cut in truncated.cuts
        ]
        truncated = replace(truncated, left_out=truncated.left_out + hidden_count, cuts=tuple(cuts))
        return await result_builder.store_truncated(truncated, projection, self._serialize(result), shop)

    def _take_first_rows(self, max_bytes: int) -> list[bytes]:
        """As many rows as fill the budget, and one more: if there are so many, surely more than fit."""
        size = count = 0
        while count < len(self._row_texts) and size <= max_bytes:
            size += len(self._row_texts[count])
            count += 1
        return self._row_texts[: count + 1]

    def _insert_rows(self, rows: list[Any]) -> Json:
        row_list = {"columns": self._columns, "rows": rows} if self._columns else rows
        # Only fields that stand beside the list were asked for.
        is_list_omitted = not rows and get_value(self._first_data, self._list_path) is None
        return (
            self._first_data
            if is_list_omitted or not self._list_path
            else replace_value(self._first_data, self._list_path, row_list)
        )

    def _serialize(self, result: Json) -> bytes:
        """The result with all rows as JSON text, to be stored."""
        placeholder = "\ue000rows\ue000"
        frame = to_json_text({**result, "data": self._insert_rows([placeholder])})
        placeholder_text = next(text for text in (to_json_text(placeholder), json.dumps(placeholder)) if text in frame)
        before, _, after = frame.partition(placeholder_text)
        return b"".join((before.encode(), b",".join(self._row_texts), after.encode()))


def _get_cell(row: Any, column: str) -> Any:
    """What an object has at the path of a column; several values as a list."""
    values = find_values(row, [str(step) for step in parse_path(column) or ()])
    return values[0] if len(values) == 1 else values or None


def _to_object(columns: list[str], row: list[Any]) -> Json:
    """The row of a table as the object that it stands for."""
    nested: Json = {}
    for column, value in zip(columns, row, strict=True):
        if value is not None:
            nested = replace_value(nested, [str(step) for step in parse_path(column) or ()], value)
    return nested
