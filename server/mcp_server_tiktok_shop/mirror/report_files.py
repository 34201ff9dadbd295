"""Reads reports: each is one `.sql` file whose heading, TOML in comments, says what it answers and how it is asked."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.mirror.sql_files import split_sql_file

if TYPE_CHECKING:
    from collections.abc import Mapping

REPORTS_FOLDER = Path(__file__).parent / "reports"
REQUIRED_PERIOD = "required"
HEADING_KEYS = frozenset(
    (
        *("title", "answers", "period", "compare_with", "tables", "keys", "compare", "order", "limit", "default_group"),
        *("columns", "time", "group_by", "parameters", "filters", "warnings", "fill", "beside", "note", "untrusted"),
        *("formats", "without", "recent_tables", "adds", "compare_note", "sorts", "ties"),
    )
)
GROUP_KEYS = frozenset(
    (
        "keys",
        "labels",
        "position",
        "order",
        "without",
        "tables",
        "fill",
        "note",
        "shows",
        "stand_ins",
        "beside",
        "ranks",
    )
)
# By which SQL a time is of a day, week or month, and how many of them it lies behind the beginning of the period.
TIME_GROUPINGS = {
    "day": ("{0}::DATE", "date_diff('day', $from::DATE, {0}::DATE)"),
    "week": (
        "strftime({0}, '%G-W%V')",
        "date_diff('day', date_trunc('week', $from::DATE)::DATE, date_trunc('week', {0}::DATE)::DATE) // 7",
    ),
    "month": ("strftime({0}, '%Y-%m')", "date_diff('month', $from::DATE, {0}::DATE)"),
}


class Grouping(Struct, frozen=True):
    """One choice of `group_by`: SQL expressions by column name.

    `keys` tell rows apart and `labels` are aggregates that name them. `position` counts from the period's beginning, so
    that two periods can stand side by side; it is empty where keys mean the same in both. `without` names columns that
    make no sense so grouped, `tables` those that only this choice reads, `fill` texts that it puts into the SQL, `note`
    what is told of this choice alone. `shows` names the columns of rows and totals where none are asked for, all
    without it; `stand_ins` the label that is enough, by the key that is then left out, where it tells rows apart.
    `beside` names other groupings that are told with this one. `ranks` are a label and a count: what has most of it
    over several shops is told, equal labels added up.
    """

    name: str
    keys: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    position: str = ""
    order: str = ""
    without: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    fill: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    shows: tuple[str, ...] = ()
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    ranks: tuple[str, ...] = ()


class Report(Struct, frozen=True):
    """A report as its file tells it; `sql` is the body with its places for `{group_by}` and the like.

    `period` is `required`, what is taken where none is given, or empty where the report is of now. `keys` are columns
    that tell rows apart beside those of a grouping, `compare` those that stand side by side for two periods, the first
    with its change in percent, and `compare_note` how to read that. `parameters` narrow what is looked at and
    `filters` which rows are shown, by what they mean; `warnings` are columns that are told in words where one is above
    zero. `beside` names groupings that are told with any other, `untrusted` the columns whose text others wrote,
    `formats` the forms of other programs in which rows grouped by `line` can be written, `without` the columns that
    totals have not, `recent_tables` those of which older rows than the copy holds make no difference, `adds` counts of
    totals that are added up over several shops. `sorts` are the SQL by which a column is ordered in its place, `ties`
    the orders of rows that are equal in it. A heading's `time`, a column in SQL, brings the groupings day, week and
    month.
    """

    name: str
    sql: str
    title: str
    answers: str
    tables: tuple[str, ...]
    keys: tuple[str, ...]
    columns: Mapping[str, str]
    order: str
    period: str = ""
    compare_with: str = ""
    compare: tuple[str, ...] = ()
    compare_note: str = ""
    limit: int = 100
    default_group: str = ""
    group_by: Mapping[str, Grouping] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)
    fill: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    untrusted: tuple[str, ...] = ()
    note: str = ""
    formats: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    recent_tables: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    sorts: Mapping[str, str] = field(default_factory=dict)
    ties: tuple[str, ...] = ()

    def list_tables(self, grouping: Grouping | None) -> tuple[str, ...]:
        return (*self.tables, *(grouping.tables if grouping else ()))


def parse_report(name: str, text: str) -> Report:
    """The report that a file's text holds.

    Raises:
        ValueError: The heading is no TOML, lacks something or holds a key that means nothing.

    """
    facts, body = split_sql_file(text)
    _refuse_unknown_keys(name, facts, HEADING_KEYS)
    missing = {"title", "answers", "tables", "keys", "columns", "order"} - facts.keys()
    if missing:
        raise ValueError(f"{name}: the heading lacks {', '.join(sorted(missing))}")
    choices = _list_time_groupings(facts.pop("time", ""))
    for choice, told in facts.pop("group_by", {}).items():
        choices[choice] = choices.get(choice, {}) | told
    groupings = {choice: _parse_grouping(name, choice, told) for choice, told in choices.items()}
    return Report(name=name, sql=body, group_by=groupings, **_freeze_lists(facts))


@cache
def load_reports(folder: Path = REPORTS_FOLDER) -> Mapping[str, Report]:
    """Every report by its name, in the order of their names."""
    paths = sorted(folder.glob("*.sql"))
    return {path.stem: parse_report(path.stem, path.read_text(encoding="utf-8")) for path in paths}


def _list_time_groupings(column: str) -> dict[str, dict[str, Any]]:
    """What a heading would say of days, weeks and months by a column with a time; nothing without one."""
    return {
        name: {"keys": {name: key.format(column)}, "position": position.format(column), "order": name}
        for name, (key, position) in TIME_GROUPINGS.items()
        if column
    }


def _parse_grouping(report: str, choice: str, facts: dict[str, Any]) -> Grouping:
    _refuse_unknown_keys(f"{report}, group_by {choice}", facts, GROUP_KEYS)
    return Grouping(choice, **_freeze_lists(facts))


def _refuse_unknown_keys(place: str, facts: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(facts.keys() - known):
        raise ValueError(f"{place}: nothing is meant by {', '.join(unknown)}")


def _freeze_lists(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}
