"""Writes down what a long run counted, where SOAK_REPORT names a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_report(**counts: Any) -> None:
    if report := os.environ.get("SOAK_REPORT"):
        with Path(report).open("a", encoding="utf-8") as out:
            out.write(json.dumps(counts) + "\n")
