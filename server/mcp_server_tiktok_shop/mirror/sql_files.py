"""Reads `.sql` files whose heading, TOML in comments, tells what they are for."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAMETER = re.compile(r"\$([a-z_]+)\b")


def split_sql_file(text: str) -> tuple[dict[str, Any], str]:
    """The facts of the heading, which are the comment lines that a file begins with, and the SQL below it.

    Raises:
        ValueError: The heading is no TOML.

    """
    lines = text.splitlines()
    length = next((place for place, line in enumerate(lines) if not line.startswith("--")), len(lines))
    heading = "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[:length])
    return tomllib.loads(heading), "\n".join(lines[length:]).strip()


def select_parameters(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters that stand in the SQL; DuckDB takes no others."""
    names = set(PARAMETER.findall(sql))
    return {name: value for name, value in parameters.items() if name in names}
