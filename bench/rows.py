"""What a benchmark tells: rows of ours, bare, their ratio, what is promised, and whether it holds."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.runs import PairedSamples

LARGE_NUMBER = 1000  # from here on no digits behind the point
VERDICTS = {True: "yes", False: "**no**", None: ""}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: `promise` is a bound on the ratio, or on ours where there is no ratio."""

    what: str
    ours: float | None = None
    bare: float | None = None
    ratio: float | None = None
    promise: str = ""
    holds: bool | None = None


def make_row(
    what: str, samples: PairedSamples, *, max_ratio: float | None = None, min_ratio: float | None = None
) -> Row:
    """The row of the samples' medians; without numbers where this system gives none."""
    if not samples.ours:
        return Row(f"{what} (not told here)")
    ours, bare, ratio = statistics.median(samples.ours), statistics.median(samples.bare), samples.ratio
    if max_ratio is not None:
        return Row(what, ours, bare, ratio, f"≤ {max_ratio:.2f}", ratio <= max_ratio)
    if min_ratio is not None:
        return Row(what, ours, bare, ratio, f"≥ {min_ratio:.2f}", ratio >= min_ratio)
    return Row(what, ours, bare, ratio)


def print_table(rows: list[Row]) -> None:
    layout = "{:46} {:>9} {:>9} {:>7} {:>9}  {}"
    print(layout.format("", "ours", "bare", "ratio", "promise", "holds"))
    for row in rows:
        numbers = [_format_number(row.ours), _format_number(row.bare)]
        numbers.append("" if row.ratio is None else f"{row.ratio:.2f}")
        print(layout.format(row.what, *numbers, row.promise, {True: "yes", False: "NO", None: ""}[row.holds]))


def format_rows(rows: list[Row]) -> list[str]:
    """The rows as the lines of a table in Markdown."""
    lines = ["| what | ours | bare | ratio | promise | holds |", "|---|---:|---:|---:|---|---|"]
    for row in rows:
        numbers = [_format_number(row.ours), _format_number(row.bare)]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(
            f"| {row.what.strip()} | {' | '.join(numbers)} | {ratio} | {row.promise} | {VERDICTS[row.holds]} |"
        )
    return lines


def describe_machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("mcp", "httpx2", "httptools", "pydantic", "duckdb"))
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{system}, Python {platform.python_version()}, {versions}"


def _format_number(number: float | None) -> str:
    """A number in four digits, a large one whole."""
    return "" if number is None else f"{number:.4g}" if abs(number) < LARGE_NUMBER else f"{number:.0f}"
