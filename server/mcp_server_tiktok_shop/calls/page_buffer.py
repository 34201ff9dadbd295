"""Buffers the rows of many pages for one result, as text and not as objects: forty thousand orders must fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.page_collector import RESUME_FILTER, PageCollector
from mcp_server_tiktok_shop.calls.results.builder import Projection, measure_overhead
from mcp_server_tiktok_shop.calls.results.field_notes import FieldNotes
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.results.tabular import is_table
from mcp_server_tiktok_shop.calls.results.truncation import TRUNCATION_NOTICE_BYTES, Cut, truncate
from mcp_server_tiktok_shop.calls.results.untrusted_paths import make_untrusted_entry
from mcp_server_tiktok_shop.json_paths import find_values, get_value, parse_path, replace_value

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.state.accounts import Shop

MAX_BUFFER_BYTES = 20 * 2**20  # bytes of rows in one result
MAX_SHARED_BUFFER_BYTES = 4 * 2**20  # of all shops in one result, which are objects until it is fitted


class PageBuffer(PageCollector):
    """The rows of the pages that were read, and what stands beside the list on the first of them.

    They are projected to `fields`, or to the default view of their operation. Where their result becomes a part of one
    of `shop_count` shops, who makes that tells how the pages go on: `resume_filter` is there beside the token.
    """

    def __init__(
        self,
        result_builder: ResultBuilder,
        operation: Operation,
        fields: list[str] | None,
        shop_count: int = 0,
    ) -> None:
        super().__init__()
        self._shop_count = shop_count
        self._result_builder = result_builder
        self._operation = operation
        self._fields = fields
        self._row_texts: list[bytes] = []
        self._size_bytes = 0
        self._first_data: Json = {}
        self._columns: list[str] | None = None
        self._untrusted: set[str] = set()
        self._notes: dict[str, None] = {}
        self._field_notes = FieldNotes()

    @property
    def is_full(self) -> bool:
        max_bytes = MAX_SHARED_BUFFER_BYTES // self._shop_count if self._shop_count else MAX_BUFFER_BYTES
        return self._size_bytes > max_bytes

    def _add_rows(self, result: Json, selection: Selection | None) -> None:
        projection = self._result_builder.project(self._operation, result, self._fields, selection)
        self._untrusted |= set(projection.untrusted)
        self._notes |= dict.fromkeys(projection.notes)
        is_first = self.page_count == 1
        self._field_notes = projection.field_notes if is_first else self._field_notes.merge(projection.field_notes)
        if self.page_count == 1:
            self._first_data = projection.data
        row_list = get_value(projection.data, self.list_path)
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

    async def to_result(self, shop: Shop | None) -> Json:
        """One result of all pages: the rows within the budget; where that is not all, all are stored to be read on."""
        notes = [self.describe_pages(), *filter(None, [self.skipped.describe(), *self._notes])]
        notes += self._field_notes.to_texts(is_anything_found=self.row_count > 0)
        resume_text = self.describe_resume_filter()
        continue_note = (
            f"`next_page_token` goes on{resume_text}." if self.next_page_token and not self._shop_count else ""
        )
        stored_note = (
            f"At its end read_result gives the `next_page_token` that goes on{resume_text}."
            if self.next_page_token
            else ""
        )
        result_builder = self._result_builder
        untrusted = self._untrusted | ({"note"} if self.is_note_untrusted else set())
        projection = Projection({}, sorted(untrusted), notes)
        first_rows = self._take_first_rows(result_builder.max_bytes)
        result = {"data": self._insert_rows([json.loads(text) for text in first_rows]), **self.extras}
        result |= {"shop": shop.label} if shop else {}
        result |= make_untrusted_entry(projection.untrusted, result)
        result |= {"next_page_token": self.next_page_token} if self.next_page_token else {}
        result |= {RESUME_FILTER: self.resume_filter} if self._shop_count and self.resume_filter else {}
        truncated = truncate(
            result, result_builder.max_bytes - measure_overhead([*notes, stored_note]), TRUNCATION_NOTICE_BYTES
        )
        is_complete = truncated.is_complete and len(first_rows) == self.row_count
        projection.notes.extend(filter(None, [continue_note if is_complete else stored_note]))
        if is_complete:
            return await result_builder.truncate(result, projection, lambda: result["data"], shop)
        hidden_count = self.row_count - len(first_rows)
        list_path = ".".join(self.list_path)
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
        is_list_omitted = not rows and get_value(self._first_data, self.list_path) is None
        return (
            self._first_data
            if is_list_omitted or not self.list_path
            else replace_value(self._first_data, self.list_path, row_list)
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
