"""Checks file names given by a model: a plain name that every desktop system accepts, not a path."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, get_args

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError

FileFormat = Literal["xlsx", "csv", "json", "png"]
PICTURE_FORMAT = "png"
MAX_NAME_CHARS, MAX_NAME_BYTES = 100, 200  # systems take 255 bytes; a number may be added
OTHER_CHARS = frozenset(" -_.()")  # beside letters and digits of any script
DEVICE_NAMES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)  # which Windows takes for devices
DEFAULT_STEM = "table"


class FileName(Struct, frozen=True):
    """A checked name in its two parts; `stem` and `format` are joined by a dot."""

    stem: str
    format: FileFormat

    def __str__(self) -> str:
        return f"{self.stem}.{self.format}"

    def add_number(self, number: int) -> FileName:
        return FileName(f"{self.stem}-{number}", self.format)


def parse_file_name(text: str, argument: str = "save_as", *, has_pictures: bool = False) -> FileName:
    """The name of a file to be made in a folder of this server's own, as the argument of a tool holds it.

    It is that of a table, or where the tool `has_pictures` that of one.

    Raises:
        ShopError: `invalid_arguments`: it has parts of a path, another extension, or signs that some system refuses;
            a name near it that would do stands beside it.

    """
    name = unicodedata.normalize("NFC", text).strip()
    stem, dot, extension = name.rpartition(".")
    extension = extension.lower()
    if fault := _find_fault(name, stem):
        raise _make_error(argument, fault, name)
    choices: tuple[FileFormat, ...] = get_args(FileFormat)
    formats = [each for each in choices if has_pictures or each != PICTURE_FORMAT]
    if not dot or extension not in formats:
        endings = ", ".join(f".{each}" for each in formats[:-1])
        raise _make_error(argument, f"does not end in {endings} or .{formats[-1]}", name)
    return FileName(stem, next(each for each in formats if each == extension))


def _find_fault(name: str, stem: str) -> str:
    """What is wrong with a name, but for its extension; empty where it is right."""
    if "/" in name or "\\" in name or ":" in name:
        return "is a path, not a name: files go to one folder"
    if odd_chars := sorted({char for char in name if not _is_allowed(char)}):
        return f"has {', '.join(map(_describe_char, odd_chars[:3]))} in it"
    if len(name) > MAX_NAME_CHARS or len(name.encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_CHARS} characters or {MAX_NAME_BYTES} bytes"
    if stem and (DEVICE_NAMES.fullmatch(stem.partition(".")[0].strip()) or stem[0] in ".-" or stem[-1] in " ."):
        return "is a name that some systems refuse"
    return "has nothing before its extension" if name.startswith(".") or not name else ""


def _is_allowed(char: str) -> bool:
    """Letters with their marks (of scripts that write vowels so), digits, and a few signs."""
    return char in OTHER_CHARS or unicodedata.category(char)[0] in "LMN"


def _describe_char(char: str) -> str:
    return repr(char) if char.isprintable() else f"U+{ord(char):04X}"


def _make_error(argument: str, fault: str, name: str) -> ShopError:
    problem = Problem(argument, fault, f"a name such as {suggest_file_name(name)}")
    return ShopError("invalid_arguments", f"{argument} {fault}", hint="Nothing was saved.", problems=(problem,))


def suggest_file_name(text: str, default_format: FileFormat = "xlsx") -> FileName:
    """A name that would do, as near to a text as can be."""
    last_part = re.split(r"[/\\:]", unicodedata.normalize("NFC", text))[-1]
    stem, _, extension = last_part.rpartition(".") if "." in last_part else (last_part, "", "")
    extension = extension.lower()
    file_format: FileFormat = default_format
    if extension in ("csv", "tsv", "txt"):
        file_format = "csv"
    elif extension in ("json", "jsonl", "ndjson"):
        file_format = "json"
    clean_stem = "".join(char if _is_allowed(char) else "-" for char in stem).strip(" .-")[: MAX_NAME_CHARS // 2]
    while len(clean_stem.encode()) > MAX_NAME_BYTES // 2:
        clean_stem = clean_stem[:-1]
    if not clean_stem or DEVICE_NAMES.fullmatch(clean_stem.partition(".")[0].strip()):
        clean_stem = DEFAULT_STEM
    return FileName(clean_stem.strip(" .-"), file_format)
