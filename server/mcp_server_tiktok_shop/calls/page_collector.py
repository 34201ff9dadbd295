"""Collects the pages of a list for one result: how many there were, why no more, and what stood beside their rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.results.normalized_answers import NOTHING_FOUND
from mcp_server_tiktok_shop.json_values import SkippedValues, parse_count

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.paging import Page
    from mcp_server_tiktok_shop.state.accounts import Shop

CLOSING_S = 3.0
RESUME_FILTER = "resume_filter"  # in a result that is a part of another: what goes with its `next_page_token`
PER_PAGE_FIELDS = ("failed", "not_found")  # which any page may have beside its data


class PageCollector(ABC):
    """What the pages of one list have in common, wherever their rows go."""

    def __init__(self) -> None:
        self.page_count = 0
        self.row_count = 0
        self.total_count: int | None = None
        self.next_page_token: str | None = None
        self.resume_filter: Json = {}
        self.list_path: list[str] = []
        self.extras: Json = {}
        self.skipped = SkippedValues()
        self.stop_reason = ""
        self.is_note_untrusted = False

    @property
    def is_full(self) -> bool:
        """Whether no further page may be added."""
        return False

    @property
    def closing_s(self) -> float:
        """Seconds that what comes after the last page may take."""
        return CLOSING_S

    def record_stop(self, reason: str, *, is_platforms: bool = False) -> None:
        """Record why the list was not read to its end, for the result's note; it may be in the platform's words."""
        self.stop_reason = reason.rstrip(".")  # which the note puts itself
        self.is_note_untrusted = self.is_note_untrusted or is_platforms

    def add(self, page: Page, result: Json, selection: Selection | None) -> None:
        """Add a page: its normalized `result`, of which the fields of `selection` are wanted, or None: its default."""
        self.page_count += 1
        self.next_page_token, self.resume_filter = page.next_token, page.resume_filter
        self.list_path = self.list_path or (page.list_path.split(".") if page.list_path else [])
        self.skipped.update(result.get("skipped", {}))
        self.skipped.add(page.list_path.rpartition(".")[2], page.skipped)
        if self.page_count == 1:
            handled_fields = ("data", "untrusted", "next_page_token", "note", "skipped", *PER_PAGE_FIELDS)
            self.extras = {name: value for name, value in result.items() if name not in handled_fields}
            self.total_count = parse_count(result["data"].get("total_count"))
        for name in PER_PAGE_FIELDS:
            if entries := result.get(name):
                self.extras[name] = [*self.extras.get(name, ()), *entries]
        self._add_rows(result, selection)

    @abstractmethod
    def _add_rows(self, result: Json, selection: Selection | None) -> None:
        """Add the rows of a page, and count them."""

    @abstractmethod
    async def to_result(self, shop: Shop | None) -> Json:
        """One result of all pages."""

    def describe_pages(self) -> str:
        """How many pages and items were read, and why not all where that is so."""
        summary = f"{self.page_count} page{'s' * (self.page_count > 1)}, {self.row_count} items"
        if not self.row_count and not self.stop_reason and not self.skipped:
            return f"{NOTHING_FOUND}: {summary}."
        return f"{summary}; not all: {self.stop_reason}." if self.stop_reason else f"{summary}."

    def describe_resume_filter(self) -> str:
        """What else must be given with `next_page_token`; empty where that is nothing."""
        return "".join(f", with {name} {value}" for name, value in self.resume_filter.items())
