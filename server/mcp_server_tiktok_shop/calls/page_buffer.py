"""Gathers the rows of many pages into one result, as text and not as objects: forty thousand orders must fit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.builder import Part, beside, brief
from mcp_server_tiktok_shop.calls.results.json_paths import read_path, values_at
from mcp_server_tiktok_shop.calls.results.tabular import is_table
from mcp_server_tiktok_shop.calls.results.truncation import SPARE, Cut, fitted, written

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.paging import Page
    from mcp_server_tiktok_shop.calls.results.builder import Answers
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.accounts import Shop

EACH = ("failed", "not_found")  # what every page may tell of its own
LARGEST = 20 * 2**20  # bytes of rows in one result


class Gathered:
    """Pages that were read: their rows, and what stands beside the list on the first of them."""

    def __init__(self) -> None:
        self.pages = 0
        self.rows = 0
        self.total: int | None = None
        self._texts: list[bytes] = []
        self._bytes = 0
        self._path: list[str] = []
        self._head: Json = {}
        self._beside: Json = {}
        self._columns: list[str] | None = None
        self._untrusted: set[str] = set()
        self._notes: dict[str, None] = {}
        self._token: str | None = None
        self._moved: Json = {}
        self._why = ""

    @property
    def full(self) -> bool:
        return self._bytes > LARGEST

    def stopped(self, why: str) -> None:
        """Say why the walk ended before its end."""
        self._why = why

    def add(self, page: Page, told: Json, part: Part) -> None:
        """Take the rows of a page: `told` is all of it, `part` what was asked for."""
        self.pages += 1
        self._token, self._moved = page.next_token, page.moved
        self._untrusted |= set(part.untrusted)
        self._notes |= dict.fromkeys(part.notes)
        self._path = self._path or (page.name.split(".") if page.name else [])
        for name in EACH:
            if found := told.get(name):
                self._beside[name] = [*self._beside.get(name, ()), *found]
        if self.pages == 1:
            self._head = part.data
            own = ("data", "untrusted", "next_page_token", "note", *EACH)
            self._beside = {n: v for n, v in told.items() if n not in own} | self._beside
            total = told["data"].get("total_count")
            self.total = total if isinstance(total, int) else None
        listed = _at(part.data, self._path)
        rows = listed["rows"] if is_table(listed) else listed if isinstance(listed, list) else []
        columns = listed["columns"] if is_table(listed) else None
        if self.rows and columns != self._columns:
            rows = self._like_the_others(rows, columns)
        else:
            self._columns = columns
        texts = [written(row).encode() for row in rows]
        self._texts += texts
        self._bytes += sum(map(len, texts))
        self.rows += len(rows)

    def _like_the_others(self, rows: list[Any], columns: list[str] | None) -> list[Any]:
        """Rows of a page that came as a table where the others did not, or the other way round."""
        if self._columns is None:
            return [_nested(columns or [], row) for row in rows]
        return [[_cell(row, column) for column in self._columns] for row in rows]

    async def told(self, answers: Answers, shop: Shop | None) -> Json:
        """One result of all pages: the rows that the budget holds, all of them kept where it does not hold them."""
        read = f"{self.pages} page{'s' * (self.pages > 1)}, {self.rows} items"
        notes = [f"{read}; not all: {self._why}." if self._why else f"{read}.", *self._notes]
        moved = "".join(f", with {name} {value}" for name, value in self._moved.items())
        goes_on = f"`next_page_token` goes on{moved}." if self._token else ""
        at_end = f"At its end read_result gives the `next_page_token` that goes on{moved}." if self._token else ""
        part = Part({}, sorted(self._untrusted), notes)
        shown = self._first(answers.budget)
        told = {"data": self._with([json.loads(text) for text in shown]), **self._beside}
        told |= {"shop": shop.label} if shop else {}
        told |= {"untrusted": brief(part.untrusted)} if part.untrusted else {}
        told |= {"next_page_token": self._token} if self._token else {}
        fitting = fitted(told, answers.budget - beside([*notes, at_end]), SPARE)
        whole = fitting.whole and len(shown) == self.rows
        part.notes.extend(filter(None, [goes_on if whole else at_end]))
        if whole:
            return await answers.fit(told, part, told["data"], shop)
        unseen = self.rows - len(shown)
        path = ".".join(self._path)
        cuts = [Cut(path, cut.kept, self.rows) if cut.path == path else cut for cut in fitting.cuts]
        fitting = replace(fitting, left_out=fitting.left_out + unseen, cuts=tuple(cuts))
        return await answers.rest(fitting, part, self._content(told), shop)

    def _first(self, budget: int) -> list[bytes]:
        """Rows that are surely more than fit, if there are so many: one more than make up the budget."""
        size = count = 0
        while count < len(self._texts) and size <= budget:
            size += len(self._texts[count])
            count += 1
        return self._texts[: count + 1]

    def _with(self, rows: list[Any]) -> Json:
        listed = {"columns": self._columns, "rows": rows} if self._columns else rows
        # Fields that stand beside the list were asked for, and the list was not.
        bare = not rows and _at(self._head, self._path) is None
        return self._head if bare or not self._path else _put(self._head, self._path, listed)

    def _content(self, told: Json) -> bytes:
        """The kept result with all rows, put together as text."""
        mark = "\ue000rows\ue000"
        frame = written({**told, "data": self._with([mark])})
        text = next(text for text in (written(mark), json.dumps(mark)) if text in frame)
        before, _, after = frame.partition(text)
        return b"".join((before.encode(), b",".join(self._texts), after.encode()))


def _at(data: Any, path: list[str]) -> Any:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _cell(row: Any, column: str) -> Any:
    found = values_at(row, [str(step) for step in read_path(column) or ()])
    return found[0] if len(found) == 1 else found or None


def _nested(columns: list[str], row: list[Any]) -> Json:
    """The row of a table as the object that it was."""
    made: Json = {}
    for column, value in zip(columns, row, strict=True):
        if value is not None:
            made = _put(made, [str(step) for step in read_path(column) or ()], value)
    return made


def _put(data: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    inner = data.get(path[0]) if isinstance(data, dict) else None
    return {**(data if isinstance(data, dict) else {}), path[0]: _put(inner or {}, path[1:], value)}
