"""Lays out a worklist for a model: the most urgent entries within a budget of bytes, and counts of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.answer_tables import remove_columns
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.worklist_kinds import WorklistKind
    from mcp_server_tiktok_shop.tools.worklist.entries import Urgency, Worklist, WorklistEntry

WORKLIST_BYTES = 4_650  # of `data`: ids are many tokens, and a busy day is to be within 1,500 of them
HEADINGS_BYTES = 400  # names of columns, and the note
ROWS_FIRST = 3  # of each kind that are shown before more of any; one where they have no deadline
MAX_DETAIL_CHARS, MAX_NAME_CHARS, MAX_PROBLEM_CHARS = 150, 40, 160
ALL_WORDS_CHARS, MIN_WORDS_CHARS, MAX_WORDS_CHARS = 8_000, 48, 300  # of all that buyers wrote in a table, and of each
MAX_STALE_TABLES = 6
ENTRY_COLUMNS = ("deadline", "due", "shop", "kind", "id", "order_id", "detail", "product_name", "buyer", "words")
DUE_COUNTS: tuple[Urgency, ...] = ("late", "today", "in_24_h")
KIND_COLUMNS = ("kind", "what", *DUE_COUNTS, "in_all", "shown", "next_deadline", "otherwise", "tool", "id")
SHOP_COLUMNS = ("shop", "name", *DUE_COUNTS, "in_all")
OPTIONAL_COLUMNS = ("deadline", "due", "shop", "order_id", "product_name", "buyer", "words")
REST_NOTE = "Not all are shown: name `kinds` for all of them."
DUE_WORDS = {"late": "late", "today": "today", "in_24_h": "24h", "later": None}
PARCELS_NOTE = (
    "`late` parcels are past tts_sla_time, a late dispatch, in the report shipping_times still_late. "
    "Past rts_sla_time, until when they must be announced, parcels_to_ship are overdue: `detail` says so."
)
CLOSED_NOTE = "Closing words: the buyer's last message only thanks, so it stands last and is in no count."
PARCEL_KINDS = frozenset(("parcels_to_ship", "parcels_not_collected"))
WORKLIST = "worklist"
UNTRUSTED_COLUMNS = ("product_name", "buyer", "words")


def lay_out_worklist(worklist: Worklist, *, is_whole: bool) -> Json:
    """The worklist as an assistant reads it; `untrusted` in it names the columns of others' text.

    A few entries of each kind come first, then those with the nearest deadlines, as far as the budget reaches, in one
    table. Where all of them are wanted (`is_whole`), each kind has a table of its own, under its name.
    """
    groups = worklist.group_by_kind()
    result = _lay_out_head(worklist)
    kinds = [_lay_out_kind(worklist, kind, entries, entries) for kind, entries in groups.items()]
    budget = WORKLIST_BYTES - _measure(result) - _measure(kinds) - HEADINGS_BYTES
    shown = list(worklist.entries) if is_whole else _choose_entries(worklist, list(groups.values()), budget)
    shown_ids = set(map(id, shown))
    if groups:
        rows = [_lay_out_kind(worklist, k, each, [e for e in each if id(e) in shown_ids]) for k, each in groups.items()]
        of_one_kind = {*DUE_COUNTS, "in_all"} if len(groups) == 1 else set()  # the answer begins with these counts
        known = of_one_kind | ({"shown", "next_deadline"} if is_whole else set())
        result["kinds"] = _leave_out_zeros(remove_columns({"columns": [*KIND_COLUMNS], "rows": rows}, known))
    tables = {kind.name: entries for kind, entries in groups.items()} if is_whole else {WORKLIST: shown}
    untrusted: list[str] = []
    for name, entries in tables.items():
        if entries:
            columns = _choose_columns(worklist, entries, has_words=is_whole)
            words_chars = min(max(ALL_WORDS_CHARS // len(entries), MIN_WORDS_CHARS), MAX_WORDS_CHARS)
            rows = [_to_row(worklist, entry, columns, words_chars) for entry in entries]
            result[name] = {"columns": columns, "rows": rows}
            untrusted += [f"{name}.{column}" for column in UNTRUSTED_COLUMNS if column in columns]
    if related := worklist.group_related_by_kind():
        result["see_also"] = {
            kind.name: {
                "what": kind.title,
                "late": worklist.count("late", entries),
                "in_all": worklist.count_waiting(entries),
            }
            for kind, entries in related.items()
        }
    result["untrusted"] = untrusted
    notes = [PARCELS_NOTE] if PARCEL_KINDS & {kind.name for kind in groups} else []
    notes += [CLOSED_NOTE] if not all(entry.is_waiting for entry in shown) else []
    notes += [REST_NOTE] if len(shown) < len(worklist.entries) else []
    if notes:
        result["note"] = " ".join(notes)
    return result


def _measure(value: Any) -> int:
    return len(to_json_text(value).encode())


def _lay_out_head(worklist: Worklist) -> Json:
    result: Json = {
        "now": worklist.now.isoformat(timespec="minutes"),
        **_tell_age(worklist),
        "late": worklist.count("late"),
        "due_today": worklist.count("today"),
        "due_in_24_h": worklist.count("in_24_h"),
        "in_all": worklist.count_waiting(),
    }
    if len(worklist.brief_labels) == 1:
        result["shop"] = worklist.shops[0]
    else:
        rows = [_count_shop(worklist, shop) for shop in worklist.shops]
        result["by_shop"] = _leave_out_zeros({"columns": [*SHOP_COLUMNS], "rows": rows})
    if worklist.unanswered:
        result["not_answered"] = {shop: text[:MAX_PROBLEM_CHARS] for shop, text in worklist.unanswered.items()}
    if worklist.stale_tables:
        result["not_up_to_date"] = [
            {"shop": t.shop, "table": t.table, "as_of": t.as_of, "problem": t.problem[:MAX_PROBLEM_CHARS]}
            for t in worklist.stale_tables[:MAX_STALE_TABLES]
        ]
        if len(worklist.stale_tables) > MAX_STALE_TABLES:
            result["not_up_to_date_in_all"] = len(worklist.stale_tables)
    return result


def _tell_age(worklist: Worklist) -> Json:
    """As of when it is, where that is another minute than now."""
    moments = (worklist.as_of, worklist.now)
    as_of, now = (moment.isoformat(timespec="minutes") if moment is not None else None for moment in moments)
    return {} if as_of == now else {"as_of": as_of}


def _leave_out_zeros(table: Json) -> Json:
    """The table without the counts by deadline that are zero in all rows, and without a column of no deadline."""
    zeros = {
        name
        for place, name in enumerate(table["columns"])
        if name in {*DUE_COUNTS, "next_deadline"} and not any(row[place] for row in table["rows"])
    }
    return remove_columns(table, zeros)


def _count_shop(worklist: Worklist, shop: str) -> list[Any]:
    entries = [entry for entry in worklist.entries if entry.shop == shop]
    return [
        worklist.brief_labels[shop],
        shop,
        *(worklist.count(urgency, entries) for urgency in DUE_COUNTS),
        worklist.count_waiting(entries),
    ]


def _lay_out_kind(
    worklist: Worklist, kind: WorklistKind, entries: Sequence[WorklistEntry], shown: Sequence[WorklistEntry]
) -> list[Any]:
    counts = [worklist.count(urgency, entries) for urgency in DUE_COUNTS]
    # The late ones are shown first, and those that can still be met may not be shown at all.
    ahead = next((e for e in entries if e.deadline is not None and e.get_urgency(worklist.now) != "late"), None)
    known = [
        worklist.count_waiting(entries),
        worklist.count_waiting(shown),
        format_deadline(ahead) if ahead is not None else None,
    ]
    return [kind.name, kind.title, *counts, *known, kind.otherwise, kind.tool, kind.id]


def _choose_entries(worklist: Worklist, groups: Sequence[Sequence[WorklistEntry]], budget: int) -> list[WorklistEntry]:
    """Entries whose rows take no more bytes than the budget, in their order."""
    rounds = [entry for place in range(ROWS_FIRST) for group in groups for entry in group[place : place + 1]]
    leading = {id(group[0]) for group in groups}
    first = [entry for entry in rounds if id(entry) in leading or entry.deadline is not None]
    first_ids = set(map(id, first))
    candidates = [*first, *(entry for entry in worklist.entries if id(entry) not in first_ids)]
    columns = _choose_columns(worklist, worklist.entries, has_words=False)
    chosen: set[int] = set()
    for entry in candidates:
        budget -= _measure(_to_row(worklist, entry, columns)) + 1
        if budget < 0:
            break
        chosen.add(id(entry))
    return [entry for entry in worklist.entries if id(entry) in chosen]


def _choose_columns(worklist: Worklist, entries: Sequence[WorklistEntry], *, has_words: bool) -> list[str]:
    """Those columns in which anything stands; the shop's and the kind's only where there are several.

    Buyers and what they wrote stand only where kinds were named: a list of everything is to be short.
    """
    rows = [_to_cells(worklist, entry) for entry in entries]
    empty = {name for name in OPTIONAL_COLUMNS if not any(cells[name] for cells in rows)}
    if len(worklist.brief_labels) == 1:
        empty.add("shop")
    if len({entry.kind.name for entry in entries}) == 1:
        empty.add("kind")
    if not has_words:
        empty |= {"buyer", "words"}
    return [name for name in ENTRY_COLUMNS if name not in empty]


def _to_row(
    worklist: Worklist, entry: WorklistEntry, columns: Sequence[str], words_chars: int = MIN_WORDS_CHARS
) -> list[Any]:
    cells = _to_cells(worklist, entry, words_chars)
    return [cells[name] for name in columns]


def _to_cells(worklist: Worklist, entry: WorklistEntry, words_chars: int = MIN_WORDS_CHARS) -> Json:
    return {
        "deadline": format_deadline(entry),
        "due": DUE_WORDS[entry.get_urgency(worklist.now)],
        "shop": worklist.brief_labels[entry.shop],
        "kind": entry.kind.name,
        "id": entry.id,
        "order_id": entry.order_id or None,
        "detail": shorten(entry.detail, MAX_DETAIL_CHARS),
        "product_name": shorten(entry.product_name, MAX_NAME_CHARS) or None,
        "buyer": shorten(entry.buyer, MAX_NAME_CHARS) or None,
        "words": shorten(entry.words, words_chars) or None,
    }


def format_deadline(entry: WorklistEntry) -> str | None:
    """The deadline in the shop's zone; None where there is none."""
    return entry.deadline.astimezone(entry.zone).isoformat(timespec="minutes") if entry.deadline else None


def shorten(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else f"{text[: max_chars - 1]}…"
