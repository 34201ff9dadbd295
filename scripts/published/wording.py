"""Reads what the published description tells in prose alone: the values of a field, its bounds, its unit."""

# Its schemas hold names and types and little more. What the text beside them does not say plainly is left unread:
# a missed fact shows as a reworded operation and is found by eye, a made-up one would be written.

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Facts = dict[str, Any]

# A line that is followed by the values of a field, or holds them itself.
CUE = re.compile(
    r"(possible|available|valid|accepted|allowed|supported)\s+(\w+\s+)?(values?|enumerat\w+|options)|\benum\w*|"
    r"could be|sorting fields|query based on|following properties",
    re.IGNORECASE,
)
NOT_VALUES = re.compile(
    r"example|e\.g\.|note|format|prerequisite|require|region|market|recommend|range|guideline|only|api\b|length|"
    r"fail|sync|rules",
    re.IGNORECASE,
)
BULLET = r"(?:[-*\u2022\u200b]+|\d{1,2}[.)\u3001])\s*"
PLAIN = r"[A-Za-z0-9][\w.+/-]*"
LOUD = r"[A-Z][A-Z0-9_]+"  # what no ordinary word looks like
END = r"\s*(?:\((?:default|deprecated)[^)]*\))?\s*(?:$|[:\uff1a,\uff0c;.(=]|\s[-\u2013]\s)"
LISTED = re.compile(rf"^(?:{BULLET})?(?:`([^`]+)`|\"({PLAIN})\"|({PLAIN})){END}", re.IGNORECASE)
SHOUTED = re.compile(rf"^{BULLET}`?({LOUD})`?{END}")
BY_REGION = re.compile(r"^(?:-\s*)?[\w ,]+:\s*`([^`]+)`")
WORDS = {
    "note",
    "notes",
    "default",
    "important",
    "required",
    "example",
    "examples",
    "n/a",
    "null",
    "none",
    "if",
    "when",
}

NUMBER = r"(-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)"
# `[1, 100]` or `1-100`: a comma without a bracket before it stands between thousands.
IN_BRACKETS = rf"[\[(]\s*{NUMBER}\s*[-\u2013,]\s*{NUMBER}\s*[\])]"
DASHED = rf"{NUMBER}\s*(?:-|\u2013|to)\s*{NUMBER}(?![\d:]|\s*(?:days?|px|%))"
PAIR = rf"(?:{IN_BRACKETS}|{DASHED})"
# A number of something else: megabytes, pixels, decimal places, days, a share.
THINGS = r"(?![\d,.]*\d|\s*(?:x\s*\d|[mk]b\b|px|%|<|decimal|digits|days?|languages|types))"
CHARACTERS = r"\s*(?:characters|digits(?! after)|in utf)"
MOST = r"(?:less than or equal to|less or equal (?:to|than)|must not exceed|can ?not exceed|no more than|up to|at most)"

LENGTHS = (
    re.compile(rf"length\s*(?:is|:)?\s*{PAIR}", re.IGNORECASE),
    re.compile(rf"range of the length is\s*{PAIR}", re.IGNORECASE),
    re.compile(rf"at least {NUMBER} characters? and no more than {NUMBER}", re.IGNORECASE),
)
LONGEST = (
    re.compile(rf"max(?:imum)?\s*(?:string )?(?:length|digits|characters?)\s*(?:is|:)?\s*{NUMBER}", re.IGNORECASE),
    re.compile(rf"length (?:must not|can ?not) exceed {NUMBER}", re.IGNORECASE),
    re.compile(rf"(?:{MOST}|max:?)\s*{NUMBER}{CHARACTERS}", re.IGNORECASE),
)
RANGES = (re.compile(rf"range\s*(?:is|:)?\s*(?:from\s*)?{PAIR}", re.IGNORECASE),)
LARGEST = (
    re.compile(rf"max(?:imum)?(?: (?:page_size )?(?:value|number))?\s*(?::|is|of)?\s*{NUMBER}{THINGS}", re.IGNORECASE),
    re.compile(rf"{MOST}\s*{NUMBER}{THINGS}", re.IGNORECASE),
)
MOST_ITEMS = (
    re.compile(rf"max(?:imum)?\s*(?::|is)?\s*{NUMBER}{THINGS}", re.IGNORECASE),
    re.compile(
        rf"max(?:imum)?\s+(?:count|length|skus|ids|number)\b[^\d:]{{0,45}}?:?\s*{NUMBER}{THINGS}",
        re.IGNORECASE,
    ),
    re.compile(rf"{MOST}\s*{NUMBER}{THINGS}", re.IGNORECASE),
)


def values(text: str, kind: str) -> list[str]:
    """The values that a text lists for a field of text, in its order; none where it lists none plainly."""
    if kind != "string":
        return []
    lines = [line.strip().replace("**", "") for line in text.splitlines()]
    found: list[str] = []
    for place, line in enumerate(lines):
        cue = CUE.search(line)
        if cue and "example" not in line.lower():
            found += _beside(line[cue.end() :]) or _below(lines[place + 1 :], by_region="region" in line.lower())
    return list(dict.fromkeys(found or _shouted(lines)))


def _beside(rest: str) -> list[str]:
    """Values on the line itself: `Possible values: ASC, DESC`."""
    stated = re.match(r"[^:\uff1a]{0,40}?(?:[:\uff1a]|\bare\b|\bis\b|\binclude\b)\s*(.+)", rest)
    if not stated:
        return []
    parts = [
        part.strip() for part in re.split(r"[,\uff0c\u3001]|\bor\b|\band\b", stated[1].rstrip(". ")) if part.strip()
    ]
    found = [
        match[1] or match[2] for part in parts if (match := re.fullmatch(rf"`([^`]+)`|[\"']?({PLAIN})[\"']?", part))
    ]
    return found if len(found) == len(parts) else []


def _below(lines: list[str], *, by_region: bool) -> list[str]:
    """Values on the lines that follow, up to the first that is none of them."""
    found: list[str] = []
    for line in lines:
        value = _listed(line, by_region=by_region)
        if value:
            found.append(value)
        elif not by_region and (not _continues(line) if found else line):
            break
    return found


def _continues(line: str) -> bool:
    """Says more of the value above it."""
    return bool(line) and line[0].islower() and line.endswith((".", ",", ";"))


def _listed(line: str, *, by_region: bool) -> str | None:
    if by_region and (match := BY_REGION.match(line)):
        return match[1]
    match = LISTED.match(line)
    if not match or (by_region and not match[1]):
        return None
    value = next(group for group in match.groups() if group).strip('" ')
    if value.casefold() in WORDS or re.search(r"[=<>{}\s]{2}|==", value):
        return None
    bare = match[3] and not re.match(BULLET, line)
    return None if bare and not re.match(rf"^{LOUD}\b|^[a-z_]+$|^[a-z]{{2}}-[A-Z]{{2}}$", line) else value


def _shouted(lines: list[str]) -> list[str]:
    """Values without a cue: two bullets or more in capitals, under a line that is not about something else."""
    found: list[str] = []
    told = ""
    for line in lines:
        if match := SHOUTED.match(line):
            found += [] if NOT_VALUES.search(told) else [match[1]]
        elif found and line:
            break
        else:
            told = line or told
    return found if len(found) > 1 else []


def limits(text: str, kind: str) -> Facts:
    """The bounds that a text sets to a list, a text's length or a number; the loosest, where it has several."""
    found: Facts = {}
    for sentence in _sentences(text):
        for keyword, value in _bounds(sentence, kind):
            loosest = min if keyword.startswith("min") else max
            found[keyword] = loosest(found.get(keyword, value), value)
    return found


def _sentences(text: str) -> Iterator[str]:
    """One by one and without marks; what holds under a condition alone is no bound of the field."""
    for sentence in re.split(r"\n|(?<=[a-z)])[.;]\s+", text.replace("`", "")):
        plain = sentence.strip(" -*\u2022")
        if not re.match(r"(if|when|for|recommend|resolution|use|generally|image|edit)\b", plain, re.IGNORECASE):
            yield plain


def _bounds(sentence: str, kind: str) -> Iterator[tuple[str, float]]:
    match kind:
        case "array":
            yield from _most("maxItems", MOST_ITEMS, sentence)
        case "string":
            lengths = list(_pairs("minLength", "maxLength", LENGTHS, sentence))
            yield from lengths or _most("maxLength", LONGEST, sentence)
            if below := re.search(rf"(?:less|shorter) than {NUMBER} characters", sentence):
                yield "maxLength", _number(below[1]) - 1
            if not lengths:
                yield from _pairs("minimum", "maximum", RANGES, sentence)
        case "integer" | "number":
            pair = list(_pairs("minimum", "maximum", RANGES, sentence))
            yield from pair or _most("maximum", LARGEST, sentence)
            if not pair and kind == "integer" and "greater than 0 and" in sentence:
                yield "minimum", 1
            if least := re.search(rf"minimum of {NUMBER}", sentence):
                yield "minimum", _number(least[1])


def _most(keyword: str, patterns: tuple[re.Pattern[str], ...], sentence: str) -> Iterator[tuple[str, float]]:
    for pattern in patterns:
        if match := pattern.search(sentence):
            yield keyword, _number(match[1])
            return


def _pairs(least: str, most: str, patterns: tuple[re.Pattern[str], ...], sentence: str) -> Iterator[tuple[str, float]]:
    for pattern in patterns:
        if match := pattern.search(sentence):
            low, high = (_number(each) for each in match.groups() if each)
            beyond = "(" in match[0]
            yield least, low + 1 if beyond and isinstance(low, int) else low
            yield most, high
            return


def _number(text: str) -> float:
    plain = text.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def unit(text: str, kind: str) -> str | None:
    """Seconds since 1970, where the text says so: the one unit that a caller gives otherwise than it is sent."""
    told = re.search(r"unix (epoch )?time", text, re.IGNORECASE)
    if not told or kind not in ("integer", "string"):
        return None
    return "unix-milliseconds" if re.search(r"millisecond", text, re.IGNORECASE) else "unix-seconds"


def mentions(text: str, value: Any) -> bool:
    """Whether the value stands in the text as a word of its own."""
    return bool(re.search(rf"(?<![\w-]){re.escape(str(value))}(?![\w-])", text))
