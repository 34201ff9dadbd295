"""Extracts from prose what the description's schemas don't say: the values of a field, its bounds, its unit."""

# Its schemas have names and types and little more. What the text beside them does not say plainly is passed over:
# a missed fact shows as a reworded operation and is found by eye, a made-up one would be written.

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Facts = dict[str, Any]

# A line that is followed by the values of a field, or holds them itself.
VALUES_CUE_PATTERN = re.compile(
    r"(possible|available|valid|accepted|allowed|supported)\s+(\w+\s+)?(values?|enumerat\w+|options)|\benum\w*|"
    r"could be|sorting fields|query based on|following properties",
    re.IGNORECASE,
)
NOT_VALUES_PATTERN = re.compile(
    r"example|e\.g\.|note|format|prerequisite|require|region|market|recommend|range|guideline|only|api\b|length|"
    r"fail|sync|rules",
    re.IGNORECASE,
)
BULLET = r"(?:[-*\u2022\u200b]+|\d{1,2}[.)\u3001])\s*"
PLAIN_VALUE = r"[A-Za-z0-9][\w.+/-]*"
UPPERCASE_WORD = r"[A-Z][A-Z0-9_]+"  # what no ordinary word looks like
VALUE_END = r"\s*(?:\((?:default|deprecated)[^)]*\))?\s*(?:$|[:\uff1a,\uff0c;.(=]|\s[-\u2013]\s)"
LISTED_VALUE_PATTERN = re.compile(
    rf"^(?:{BULLET})?(?:`([^`]+)`|\"({PLAIN_VALUE})\"|({PLAIN_VALUE})){VALUE_END}", re.IGNORECASE
)
UPPERCASE_VALUE_PATTERN = re.compile(rf"^{BULLET}`?({UPPERCASE_WORD})`?{VALUE_END}")
REGION_VALUE_PATTERN = re.compile(r"^(?:-\s*)?[\w ,]+:\s*`([^`]+)`")
NON_VALUE_WORDS = {
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
BRACKETED_RANGE = rf"[\[(]\s*{NUMBER}\s*[-\u2013,]\s*{NUMBER}\s*[\])]"
DASHED_RANGE = rf"{NUMBER}\s*(?:-|\u2013|to)\s*{NUMBER}(?![\d:]|\s*(?:days?|px|%))"
NUMBER_RANGE = rf"(?:{BRACKETED_RANGE}|{DASHED_RANGE})"
# A number of something else: megabytes, pixels, decimal places, days, a share.
NO_OTHER_UNIT = r"(?![\d,.]*\d|\s*(?:x\s*\d|[mk]b\b|px|%|<|decimal|digits|days?|languages|types))"
CHARACTERS_UNIT = r"\s*(?:characters|digits(?! after)|in utf)"
AT_MOST = (
    r"(?:less than or equal to|less or equal (?:to|than)|must not exceed|can ?not exceed|no more than|up to|at most)"
)

LENGTH_RANGE_PATTERNS = (
    re.compile(rf"length\s*(?:is|:)?\s*{NUMBER_RANGE}", re.IGNORECASE),
    re.compile(rf"range of the length is\s*{NUMBER_RANGE}", re.IGNORECASE),
    re.compile(rf"at least {NUMBER} characters? and no more than {NUMBER}", re.IGNORECASE),
)
MAX_LENGTH_PATTERNS = (
    re.compile(rf"max(?:imum)?\s*(?:string )?(?:length|digits|characters?)\s*(?:is|:)?\s*{NUMBER}", re.IGNORECASE),
    re.compile(rf"length (?:must not|can ?not) exceed {NUMBER}", re.IGNORECASE),
    re.compile(rf"(?:{AT_MOST}|max:?)\s*{NUMBER}{CHARACTERS_UNIT}", re.IGNORECASE),
)
VALUE_RANGE_PATTERNS = (re.compile(rf"range\s*(?:is|:)?\s*(?:from\s*)?{NUMBER_RANGE}", re.IGNORECASE),)
MAX_VALUE_PATTERNS = (
    re.compile(
        rf"max(?:imum)?(?: (?:page_size )?(?:value|number))?\s*(?::|is|of)?\s*{NUMBER}{NO_OTHER_UNIT}", re.IGNORECASE
    ),
    re.compile(rf"{AT_MOST}\s*{NUMBER}{NO_OTHER_UNIT}", re.IGNORECASE),
)
MAX_ITEMS_PATTERNS = (
    re.compile(rf"max(?:imum)?\s*(?::|is)?\s*{NUMBER}{NO_OTHER_UNIT}", re.IGNORECASE),
    re.compile(
        rf"max(?:imum)?\s+(?:count|length|skus|ids|number)\b[^\d:]{{0,45}}?:?\s*{NUMBER}{NO_OTHER_UNIT}",
        re.IGNORECASE,
    ),
    re.compile(rf"{AT_MOST}\s*{NUMBER}{NO_OTHER_UNIT}", re.IGNORECASE),
)


def extract_values(text: str, kind: str) -> list[str]:
    """Extract the values that a text lists for a field, in their order; none where it lists none plainly.

    `kind` is the field's type: all but `string` have no values.
    """
    if kind != "string":
        return []
    lines = [line.strip().replace("**", "") for line in text.splitlines()]
    matches: list[str] = []
    for index, line in enumerate(lines):
        cue = VALUES_CUE_PATTERN.search(line)
        if cue and "example" not in line.lower():
            matches += _extract_inline_values(line[cue.end() :]) or _extract_following_values(
                lines[index + 1 :], by_region="region" in line.lower()
            )
    return list(dict.fromkeys(matches or _extract_uppercase_values(lines)))


def _extract_inline_values(rest: str) -> list[str]:
    """Extract values on the line itself: `Possible values: ASC, DESC`."""
    statement = re.match(r"[^:\uff1a]{0,40}?(?:[:\uff1a]|\bare\b|\bis\b|\binclude\b)\s*(.+)", rest)
    if not statement:
        return []
    parts = [
        part.strip() for part in re.split(r"[,\uff0c\u3001]|\bor\b|\band\b", statement[1].rstrip(". ")) if part.strip()
    ]
    matches = [
        match[1] or match[2]
        for part in parts
        if (match := re.fullmatch(rf"`([^`]+)`|[\"']?({PLAIN_VALUE})[\"']?", part))
    ]
    return matches if len(matches) == len(parts) else []


def _extract_following_values(lines: list[str], *, by_region: bool) -> list[str]:
    """Extract values on the lines that follow, up to the first that is none of them."""
    matches: list[str] = []
    for line in lines:
        value = _match_value(line, by_region=by_region)
        if value:
            matches.append(value)
        elif not by_region and (not _is_continuation(line) if matches else line):
            break
    return matches


def _is_continuation(line: str) -> bool:
    """Whether a line says more of the value above it."""
    return bool(line) and line[0].islower() and line.endswith((".", ",", ";"))


def _match_value(line: str, *, by_region: bool) -> str | None:
    if by_region and (match := REGION_VALUE_PATTERN.match(line)):
        return match[1]
    match = LISTED_VALUE_PATTERN.match(line)
    if not match or (by_region and not match[1]):
        return None
    value = next(group for group in match.groups() if group).strip('" ')
    if value.casefold() in NON_VALUE_WORDS or re.search(r"[=<>{}\s]{2}|==", value):
        return None
    bare = match[3] and not re.match(BULLET, line)
    return None if bare and not re.match(rf"^{UPPERCASE_WORD}\b|^[a-z_]+$|^[a-z]{{2}}-[A-Z]{{2}}$", line) else value


def _extract_uppercase_values(lines: list[str]) -> list[str]:
    """Extract values without a cue: two bullets or more in capitals, under a line that is not about something else."""
    matches: list[str] = []
    heading = ""
    for line in lines:
        if match := UPPERCASE_VALUE_PATTERN.match(line):
            matches += [] if NOT_VALUES_PATTERN.search(heading) else [match[1]]
        elif matches and line:
            break
        else:
            heading = line or heading
    return matches if len(matches) > 1 else []


def extract_limits(text: str, kind: str) -> Facts:
    """Extract the bounds that a text sets to a list, a text's length or a number; the loosest, where it has several."""
    bounds: Facts = {}
    for sentence in _iter_sentences(text):
        for keyword, value in _iter_bounds(sentence, kind):
            loosest = min if keyword.startswith("min") else max
            bounds[keyword] = loosest(bounds.get(keyword, value), value)
    return bounds


def _iter_sentences(text: str) -> Iterator[str]:
    """The sentences of a text without Markdown; what applies under a condition alone is no bound of the field."""
    for sentence in re.split(r"\n|(?<=[a-z)])[.;]\s+", text.replace("`", "")):
        plain = sentence.strip(" -*\u2022")
        if not re.match(r"(if|when|for|recommend|resolution|use|generally|image|edit)\b", plain, re.IGNORECASE):
            yield plain


def _iter_bounds(sentence: str, kind: str) -> Iterator[tuple[str, float]]:
    match kind:
        case "array":
            yield from _iter_maximum("maxItems", MAX_ITEMS_PATTERNS, sentence)
        case "string":
            lengths = list(_iter_range("minLength", "maxLength", LENGTH_RANGE_PATTERNS, sentence))
            yield from lengths or _iter_maximum("maxLength", MAX_LENGTH_PATTERNS, sentence)
            if below := re.search(rf"(?:less|shorter) than {NUMBER} characters", sentence):
                yield "maxLength", _parse_number(below[1]) - 1
            if not lengths:
                yield from _iter_range("minimum", "maximum", VALUE_RANGE_PATTERNS, sentence)
        case "integer" | "number":
            pair = list(_iter_range("minimum", "maximum", VALUE_RANGE_PATTERNS, sentence))
            yield from pair or _iter_maximum("maximum", MAX_VALUE_PATTERNS, sentence)
            if not pair and kind == "integer" and "greater than 0 and" in sentence:
                yield "minimum", 1
            if least := re.search(rf"minimum of {NUMBER}", sentence):
                yield "minimum", _parse_number(least[1])


def _iter_maximum(keyword: str, patterns: tuple[re.Pattern[str], ...], sentence: str) -> Iterator[tuple[str, float]]:
    for pattern in patterns:
        if match := pattern.search(sentence):
            yield keyword, _parse_number(match[1])
            return


def _iter_range(
    min_keyword: str, max_keyword: str, patterns: tuple[re.Pattern[str], ...], sentence: str
) -> Iterator[tuple[str, float]]:
    for pattern in patterns:
        if match := pattern.search(sentence):
            low, high = (_parse_number(each) for each in match.groups() if each)
            is_exclusive = "(" in match[0]
            yield min_keyword, low + 1 if is_exclusive and isinstance(low, int) else low
            yield max_keyword, high
            return


def _parse_number(text: str) -> float:
    plain = text.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def detect_unit(text: str, kind: str) -> str | None:
    """Unix time in seconds or milliseconds, where the text says so: a caller may write a time in other ways, too."""
    match = re.search(r"unix (epoch )?time", text, re.IGNORECASE)
    if not match or kind not in ("integer", "string"):
        return None
    return "unix-milliseconds" if re.search(r"millisecond", text, re.IGNORECASE) else "unix-seconds"


def contains_word(text: str, value: Any) -> bool:
    """Whether the value stands in the text as a word of its own."""
    return bool(re.search(rf"(?<![\w-]){re.escape(str(value))}(?![\w-])", text))
