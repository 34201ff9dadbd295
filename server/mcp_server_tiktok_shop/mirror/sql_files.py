"""Reads `.sql` files whose heading, TOML in comments, says what they are for."""

from __future__ import annotations

import tomllib
from typing import Any


def split_sql_file(text: str) -> tuple[dict[str, Any], str]:
    """The facts of the heading, which are the comment lines that a file begins with, and the SQL below it.

    Raises:
        ValueError: The heading is no TOML.

    """
    lines = text.splitlines()
    length = next((place for place, line in enumerate(lines) if not line.startswith("--")), len(lines))
    heading = "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[:length])
    return tomllib.loads(heading), "\n".join(lines[length:]).strip()
