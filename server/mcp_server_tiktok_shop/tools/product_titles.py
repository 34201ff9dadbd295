"""Decides whether a name matches a product's title: exactly, in part, or with a `*`."""

from __future__ import annotations

import re

WILDCARD = "*"  # before, behind or between parts of a title: each product that has them


def fold_title(text: object) -> str:
    """A title or a name without what makes no difference: case, and how much blank stands where."""
    return " ".join(str(text or "").casefold().split())


def fits_exactly(name: str, title: object) -> bool:
    return fold_title(title) == fold_title(name)


def fits_partly(name: str, title: object) -> bool:
    return bool(fold_title(name)) and fold_title(name) in fold_title(title)


def fits_pattern(pattern: str, title: object) -> bool:
    """Whether a title is what the pattern says, each `*` standing for any text or none."""
    parts = [fold_title(part) for part in pattern.split(WILDCARD)]
    if len(parts) == 1 or not any(parts):
        return False
    return re.fullmatch(".*".join(map(re.escape, parts)), fold_title(title)) is not None
