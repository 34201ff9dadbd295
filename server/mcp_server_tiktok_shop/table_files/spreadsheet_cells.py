"""Makes others' texts safe for spreadsheet cells: none becomes a formula, wherever the file is split."""

from __future__ import annotations

import re

# A file may be split at other signs than those it was written with, and then a new cell begins behind each of them.
SEPARATORS = r",;|\t\n\r\x0b\x0c\x1c-\x1f\x85\u2028\u2029"
# Signs that begin a formula, and those that some input methods and spreadsheets take for them.
FORMULA_SIGNS = "=+\\-@\u2212\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b"
# Blanks, quotes and what nobody sees may stand before the sign: readers drop them.
SKIPPED_CHARS = r"\s\x00-\x1f\x7f\xad\u200b-\u200f\u2060\ufeff\""
# It matches at every beginning of a cell, sign or not, so that no stretch of a text is gone over twice.
CELL_START = re.compile(rf"(?P<before>(?:^|[{SEPARATORS}])[{SEPARATORS}{SKIPPED_CHARS}]*)(?P<sign>[{FORMULA_SIGNS}]?)")
NUMBER_PATTERN = re.compile(r"-?\d+([.,]\d+)?", re.ASCII)
TEXT_MARK = "'"  # which makes text of what follows it


def defuse_formulas(text: str) -> str:
    """The text with a mark before each sign that could begin a formula; a plain number stays as it is."""
    if NUMBER_PATTERN.fullmatch(text):
        return text
    marked_text = CELL_START.sub(_mark_sign, text)
    return TEXT_MARK + marked_text if marked_text.startswith(("\t", "\r")) else marked_text


def _mark_sign(start: re.Match[str]) -> str:
    return f"{start['before']}{TEXT_MARK}{start['sign']}" if start["sign"] else start[0]
