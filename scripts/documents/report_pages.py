"""Writes the page of the reports, from the headings of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.documents.pages import format_table

from mcp_server_tiktok_shop.mirror.report_files import REQUIRED_PERIOD
from mcp_server_tiktok_shop.tools.periods import COMPARISON_FORMS, PERIOD_FORMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.mirror.report_files import Report

INTRODUCTION = f"""# Reports

What `get_report` adds up, to the cent, from the local copy of each shop: what each report answers and takes, and how
its columns read.

Each is one file of SQL, `mirror/reports/<name>.sql`, whose heading this page is written from: a new one needs a file
and nothing else. It is asked for each shop by itself, in that shop's own days, and currencies are never added up. Rows
of several shops bear their shop's region where no two share one, else its name; `shops` tells which is which. `period`
and `compared_with` say which days were counted: once, or by shop where they differ. `totals` are of all rows, also of
those that `limit` leaves out, and tell the currency. Of several shops `in_all_shops` adds up what `sales` counts, and
`ranking` says which products sold most units in all of them, those of one name added up.
What all rows of the table have in common stands once, in `same_in_all_rows`. Where the copy
does not reach as far as the period, or a list could not be read, the answer begins with PART ONLY and says how far.

| argument | |
|---|---|
| `report` | one of those below |
| `period` | {PERIOD_FORMS} |
| `compare_with` | {COMPARISON_FORMS.partition(", or ")[0]}, or any period: beside the first, with the change |
| `group_by` | as the report has it; `none` for the totals alone |
| `order` | a column, with `desc` or `asc` behind it |
| `limit` | rows of each shop |
| `shop` | one, several with commas between, or all, which is the default |

A period that is not over ends now, and the one before it, or the same a year before, is cut at the same time of day.
Before a month is a month, before a weekend the weekend before, before other days as many days.
"""


def describe_reports(reports: Mapping[str, Report]) -> str:
    """The page's Markdown."""
    lines = [INTRODUCTION]
    lines += [f"- [{report.name}](#{report.name}): {report.answers}" for report in reports.values()]
    for report in reports.values():
        lines += ["", f"## {report.name}", "", report.answers, "", report.note, "", "; ".join(_list_facts(report)), ""]
        lines.append(format_table(("column", "meaning"), [(f"`{n}`", text) for n, text in report.columns.items()]))
        if report.group_by:
            rows = [
                (f"`{grouping.name}`", ", ".join(f"`{name}`" for name in (*grouping.keys, *grouping.labels)))
                for grouping in report.group_by.values()
            ]
            lines += ["", format_table(("`group_by`", "puts in front"), rows)]
    return "\n".join(lines) + "\n"


def _list_facts(report: Report) -> list[str]:
    if report.period:
        needs = "is needed" if report.period == REQUIRED_PERIOD else f"is `{report.period}` where none is given"
        facts = [f"Period {needs}"]
    else:
        facts = ["Of now, without a period"]
    if report.compare:
        facts.append("side by side: " + ", ".join(f"`{name}`" for name in report.compare))
    facts += [f"compared with `{report.compare_with}` where nothing else is said"] if report.compare_with else []
    facts += [f"grouped by `{report.default_group}` where nothing else is said"] if report.default_group else []
    facts.append(f"ordered by `{report.order}`")
    facts += [f"parameter `{name}`: {text}" for name, text in {**report.parameters, **report.filters}.items()]
    return [*facts, "reads " + ", ".join(f"`{name}`" for name in report.tables)]
