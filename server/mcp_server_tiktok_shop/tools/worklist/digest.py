"""Writes a worklist for people: plain text for a terminal, or Markdown for a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.tools.worklist.layout import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.mirror.worklist_kinds import WorklistKind
    from mcp_server_tiktok_shop.tools.worklist.entries import Urgency, Worklist, WorklistEntry

MAX_ENTRIES_PER_KIND = 20  # of a digest of all kinds
URGENCY_WORDS: dict[Urgency, str] = {"late": "LATE", "today": "today", "in_24_h": "24 h", "later": ""}
MARKDOWN_HEADINGS = ("", "Deadline", "Shop", "Id", "Order", "Detail")
NOTHING_WAITS = "Nothing waits."
# Signs that Markdown takes for its own, of texts by others.
MARKDOWN_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]<>()#+!|~&"})


def write_text(worklist: Worklist, max_entries: int = MAX_ENTRIES_PER_KIND) -> Iterator[str]:
    """The lines of a digest in plain text; of each kind so many entries."""
    yield _summarize(worklist)
    for kind, entries in worklist.group_by_kind().items():
        yield ""
        yield f"{kind.title}: {_count(worklist, entries)}"
        yield f"  Otherwise: {kind.otherwise}. Tool: {kind.tool}."
        for cells in _list_cells(worklist, entries[:max_entries]):
            mark, *rest = cells
            yield f"  {mark:5} {'  '.join(filter(None, rest))}"
        yield from _tell_rest(kind, len(entries) - max_entries, "  ")
    yield from _tell_other_kinds(worklist)
    yield from _list_faults(worklist, "")


def write_markdown(worklist: Worklist, max_entries: int = MAX_ENTRIES_PER_KIND) -> Iterator[str]:
    """The same in Markdown, a table for each kind."""
    yield "# Worklist"
    yield ""
    yield _summarize(worklist)
    for kind, entries in worklist.group_by_kind().items():
        yield ""
        yield f"## {kind.title}: {_count(worklist, entries)}"
        yield ""
        yield f"Otherwise: {kind.otherwise}. Tool: {kind.tool.translate(MARKDOWN_SIGNS)}."
        yield ""
        yield f"|{'|'.join(MARKDOWN_HEADINGS)}|"
        yield "|" + "---|" * len(MARKDOWN_HEADINGS)
        for cells in _list_cells(worklist, entries[:max_entries]):
            yield f"|{'|'.join(cell.translate(MARKDOWN_SIGNS) for cell in cells)}|"
        yield from _tell_rest(kind, len(entries) - max_entries, "\n")
    yield from _tell_other_kinds(worklist)
    yield from _list_faults(worklist, "- ")


def _summarize(worklist: Worklist) -> str:
    moment = worklist.now.strftime("%Y-%m-%d %H:%M %Z")
    counts = (
        f"{worklist.count('late')} late, {worklist.count('today')} due today, "
        f"{worklist.count('in_24_h')} more within 24 hours, {worklist.count_waiting()} in all"
    )
    text = f"{moment}, {', '.join(worklist.shops)}: {counts if worklist.entries else NOTHING_WAITS}"
    return f"{text} (as of {worklist.as_of.strftime('%H:%M')})" if worklist.as_of is not None else text


def _count(worklist: Worklist, entries: Sequence[WorklistEntry]) -> str:
    late, waiting = worklist.count("late", entries), worklist.count_waiting(entries)
    return f"{waiting}, {late} late" if late else str(waiting)


def _list_cells(worklist: Worklist, entries: Sequence[WorklistEntry]) -> Iterator[tuple[str, ...]]:
    has_shops = len(worklist.shops) > 1
    for entry in entries:
        deadline = entry.deadline.astimezone(entry.zone).strftime("%Y-%m-%d %H:%M") if entry.deadline else ""
        words = f'"{shorten(entry.words, 60)}"' if entry.words else ""
        detail = ", ".join(filter(None, (entry.detail, shorten(entry.product_name, 60), entry.buyer, words)))
        shop = entry.shop if has_shops else ""
        yield URGENCY_WORDS[entry.get_urgency(worklist.now)], deadline, shop, entry.id, entry.order_id, detail


def _tell_rest(kind: WorklistKind, count: int, start: str) -> Iterator[str]:
    if count > 0:
        yield f"{start}{count} more: --kind {kind.name} lists all."


def _tell_other_kinds(worklist: Worklist) -> Iterator[str]:
    for kind, entries in worklist.group_related_by_kind().items():
        yield ""
        yield f"{kind.title}: {_count(worklist, entries)}: --kind {kind.name} lists them."


def _list_faults(worklist: Worklist, start: str) -> Iterator[str]:
    """What could not be read, so that nobody takes silence for nothing to do."""
    faults = [f"{shop}: not answered: {message}" for shop, message in worklist.unanswered.items()]
    for table in worklist.stale_tables:
        age = f" (as of {table.as_of})" if table.as_of else ""
        faults.append(f"{table.shop}: {table.table} is not up to date{age}: {table.problem}")
    if faults:
        yield ""
        yield from (f"{start}{fault}" for fault in faults)
