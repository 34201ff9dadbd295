"""Saves the rows of a list to a file, page after page, so that none need pass through a model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from mcp_server_tiktok_shop.calls.page_collector import PageCollector
from mcp_server_tiktok_shop.calls.results.answer_tables import SHOP_COLUMN
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.json_paths import get_value
from mcp_server_tiktok_shop.table_files.nested_rows import NestedRows

if TYPE_CHECKING:
    from types import TracebackType
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.accounts import Shop
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
    from mcp_server_tiktok_shop.table_files.file_names import FileName

COUNT_FIELDS = ("total_count", "total")  # which say no more than how many items a list has
CELL_S = {"xlsx": 25e-6, "csv": 10e-6, "json": 2e-6}  # seconds to write a cell, on a slow machine
ONE_ROW_NOTE = "One row for each instead: the same call with fields {fields}, or others without those lines."
OTHER_SHOP_COLUMN = "read_at"  # of rows that tell a shop themselves
MAX_PREVIEW_BYTES = 600  # of the first rows in a result


class PageFile(PageCollector):
    """The rows of the pages that were read, on their way to the file `name`: whole, or the fields that were named.

    Closed, it forgets them. `zone` is the time zone of the shop that they are of. `is_paged` says that a list
    is what is read: an answer of one page may be an object that merely has one. `shop` is what it is called in the
    rows, where those of `shop_count` shops come into the same file.
    """

    def __init__(
        self,
        folder: ExportFolder,
        name: FileName,
        zone: ZoneInfo,
        result_builder: ResultBuilder,
        *,
        has_chosen_fields: bool,
        is_paged: bool,
        shop: str = "",
        shop_count: int = 1,
    ) -> None:
        super().__init__()
        self._folder = folder
        self._name = name
        self._zone: ZoneInfo | None = zone
        self._result_builder = result_builder
        self._rows = NestedRows(folder.path, has_chosen_fields=has_chosen_fields)
        self._is_paged = is_paged
        self._shop = shop
        self._shop_count = shop_count
        self._has_untrusted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._rows.close()

    @property
    def closing_s(self) -> float:
        return super().closing_s + self._rows.cell_count * CELL_S[self._name.format] * self._shop_count

    def _describe_short_call(self) -> str:
        """By which fields items with lines of their own would be a row each."""
        fields = [".".join((*self.list_path, name)) for name in self._rows.list_item_fields()]
        return ONE_ROW_NOTE.format(fields=to_json_text(fields)) if fields and self._name.format != "json" else ""

    def _add_rows(self, result: Json, selection: Selection | None) -> None:
        data = selection.project(result["data"]) if selection is not None else result["data"]
        items = get_value(data, self.list_path) if self._is_of_list(result["data"]) else [data] if data else []
        if isinstance(items, list):
            self._rows.add(items if not self._shop else [_label(item, self._shop) for item in items])
        self.row_count = self._rows.count
        self._has_untrusted = self._has_untrusted or bool(result["untrusted"])

    async def absorb(self, other: PageFile) -> None:
        """Add the rows of another shop behind those of this one.

        Raises:
            ShopError: As `NestedRows.add`.

        """
        await asyncio.to_thread(self._rows.add, other._rows.iter_items())
        self._zone = self._zone if other._zone == self._zone else None
        self._has_untrusted = self._has_untrusted or other._has_untrusted

    async def save(self) -> Json:
        """Save the file: where it is, what it holds, and its first rows where they are small and nobody else's words.

        Raises:
            ShopError: As `ExportFolder.save_rows`.

        """
        saved = await self._folder.save_rows(self._name, self._rows, self._zone)
        data = saved.to_json()
        if not self._has_untrusted and len(to_json_text(saved.first_rows)) <= MAX_PREVIEW_BYTES:
            data["first_rows"] = saved.first_rows
        return data

    def describe(self) -> list[str]:
        """What to know of the rows that were read, a sentence each."""
        return [self._describe_short_call(), self.describe_pages(), self.skipped.describe()]

    def _is_of_list(self, data: Json) -> bool:
        """Whether the rows are those of the list in the data, and not the data itself, which has lists of its own."""
        beside = data.keys() - {*self.list_path[:1], *COUNT_FIELDS}
        return bool(self.list_path) and (self._is_paged or not beside)

    async def to_result(self, shop: Shop | None) -> Json:
        """One result that tells of the file. Raises as `save`."""
        data, notes = await self.save(), self.describe()
        if self.next_page_token:
            notes.append(f"`next_page_token` goes on{self.describe_resume_filter()}, in another file.")
        result = {"data": data, **self.extras}
        result |= {"next_page_token": self.next_page_token} if self.next_page_token else {}
        return await self._result_builder.to_saved_result(result, notes, shop)


def _label(item: Any, shop: str) -> Json:
    """The item with what its shop is called before all else; under another name where it has a field of that one."""
    row = item if isinstance(item, dict) else {"value": item}
    return {(SHOP_COLUMN if SHOP_COLUMN not in row else OTHER_SHOP_COLUMN): shop} | row
