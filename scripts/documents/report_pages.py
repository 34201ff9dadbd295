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

What `get_report` adds up, to the cent, from the local copy of each shop: what each report answers and takes, and what
its columns mean.

Each shop is asked for itself, in its own days, and currencies are never added together. Rows of several shops are
labelled with their shop's region if no two share one, otherwise with its name; `shops` says which is which. `period`
and `compared_with` give the days that were counted: once, or by shop where they differ. `totals` cover all rows,
including those that `limit` leaves out, and name the currency. Over several shops, `in_all_shops` adds up what `sales`
counts, and `ranking` lists the products that sold most units in all of them, with products of one name combined. Values
that all rows of a table share are given once, in `same_in_all_rows`. If the copy does not reach as far as the period,
or a list could not be read, the answer begins with PART ONLY and says how far it reaches.

| argument | |
|---|---|
| `report` | one of those below |
| `period` | {PERIOD_FORMS} |
| `compare_with` | {COMPARISON_FORMS.partition(", or ")[0]}, or any period: shown beside the first, with the change |
| `group_by` | what the report offers; `none` for the totals alone |
| `order` | a column, followed by `desc` or `asc` |
| `limit` | rows of each shop |
| `shop` | one, several separated by commas, or `all`, which is the default |

An unfinished period ends now, and the period before it, or the same a year before, is cut at the same time of day.
Before a month comes a month, before a weekend the weekend before, before other days as many days.

Each report is a file of SQL, `mirror/reports/<name>.sql`, from whose heading this page is made: a new report needs a
file and nothing else.
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
            lines += ["", format_table(("`group_by`", "columns in front"), rows)]
    return "\n".join(lines) + "\n"


def _list_facts(report: Report) -> list[str]:
    if report.period:
        needs = "is needed" if report.period == REQUIRED_PERIOD else f"is `{report.period}` unless given"
        facts = [f"Period {needs}"]
    else:
        facts = ["Shows the present: takes no period"]
    if report.compare:
        facts.append("comparable: " + ", ".join(f"`{name}`" for name in report.compare))
    facts += [f"compared with `{report.compare_with}` by default"] if report.compare_with else []
    facts += [f"grouped by `{report.default_group}` by default"] if report.default_group else []
    facts.append(f"ordered by `{report.order}`")
    facts += [f"parameter `{name}`: {text}" for name, text in {**report.parameters, **report.filters}.items()]
    return [*facts, "reads " + ", ".join(f"`{name}`" for name in report.tables)]
