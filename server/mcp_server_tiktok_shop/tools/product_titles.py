"""Decides whether a name matches a product's title: exactly, in part, or with a `*`."""

from __future__ import annotations

WILDCARD = "*"  # before or behind a part of a title: each product that has it


def fold_title(text: object) -> str:
    """A title or a name without what makes no difference: case, and how much blank stands where."""
    return " ".join(str(text or "").casefold().split())


def fits_exactly(name: str, title: object) -> bool:
    return fold_title(title) == fold_title(name)


def fits_partly(name: str, title: object) -> bool:
    return bool(fold_title(name)) and fold_title(name) in fold_title(title)


def fits_pattern(pattern: str, title: object) -> bool:
    """Whether a title has what stands beside a `*`: at its end, at its beginning, or anywhere between two."""
    text, part = fold_title(title), fold_title(pattern.strip(WILDCARD))
    return (
        bool(part)
        and WILDCARD in pattern
        and part in text
        and (pattern.startswith(WILDCARD) or text.startswith(part))
        and (pattern.endswith(WILDCARD) or text.endswith(part))
    )
