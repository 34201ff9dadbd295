"""Masks personal data in free text by pattern, and strips invisible characters."""

from __future__ import annotations

import re
from functools import cache

from mcp_server_tiktok_shop.calls.redaction import pii_patterns

MASK = "***"
MAX_PASSES = 10  # over one text
MIN_PHONE_DIGITS = 5  # with asterisks, of a number whose last two digits may be shown

EMOJI_CHARS = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
)
EMOJI_CHARS += "\U0001f000-\U0001faff"
LINE_BREAK = re.compile("\r\n?|[\x85\u2028\u2029]")
# Controls, joiners, marks of direction, fillers, selectors and tags; what holds an emoji together stays.
ALWAYS_INVISIBLE_CHARS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
INVISIBLE_CHARS = (
    f"[{ALWAYS_INVISIBLE_CHARS}]"
    f"|(?<![{EMOJI_CHARS}])(?<![{EMOJI_CHARS}]\ufe0f)\u200d|\u200d(?![{EMOJI_CHARS}])"
    f"|(?<![{EMOJI_CHARS}0-9#*])\ufe0f|(?<=[0-9#*])\ufe0f(?!\u20e3)"
)

DIGIT_OR_AT = re.compile(r"[\d@]")
CONTACT_LINK = re.compile(r"wa\.me|whatsapp|t\.me|@|%40|tel=|phone=|mobile=|mail=", re.IGNORECASE)
# Such a character, or one that may be; in JSON also an escape that may write one.
SUSPECT_CHARS = re.compile(f"[{ALWAYS_INVISIBLE_CHARS}\u200d\ufe0f\u2028\u2029]")
SUSPECT_ESCAPES = re.compile(r"\\[ubfr]")
PLAIN_ASCII = bytes(code for code in range(0x80) if SUSPECT_CHARS.match(chr(code)) is None)


def has_suspect_characters(json_text: str) -> bool:
    """Whether there may be something to strip in the texts of this JSON; quick, since mostly there is not."""
    if "\\" in json_text and SUSPECT_ESCAPES.search(json_text) is not None:
        return True
    return _has_suspects(json_text)


def _has_suspects(text: str) -> bool:
    """Whether such a character stands in the text: the pattern, which is slow, sees no more than what is not plain."""
    if text.isascii() and text.isprintable():
        return False
    rest = text.encode(errors="surrogatepass").translate(None, PLAIN_ASCII)
    return bool(rest) and SUSPECT_CHARS.search(rest.decode(errors="surrogatepass")) is not None


def strip_invisible(text: str) -> str:
    """The text without characters that nobody sees or that turn its direction; emoji stay whole."""
    if not _has_suspects(text):  # quick, and mostly so
        return text
    return _compile_invisible_chars().sub("", LINE_BREAK.sub("\n", text))


@cache
def _compile_invisible_chars() -> re.Pattern[str]:
    """Made when first needed: it takes a millisecond, and most texts have none."""
    return re.compile(INVISIBLE_CHARS)


def mask_text(text: str) -> str:
    """Mask e-mail addresses, phone, card and tax numbers, addresses, and names after words that introduce them.

    Masking a masked text changes nothing. The patterns stand in `pii_patterns`.
    """
    for _ in range(MAX_PASSES):  # what stands beside a mask may match in another way the second time
        previous, text = text, _mask_once(text)
        if previous == text:
            return text
    return MASK  # nothing that a person wrote goes on like this


def mask_emails(text: str) -> str:
    """Mask e-mail addresses alone: in a title digits are a part of what it names."""
    return re.sub(pii_patterns.EMAIL, MASK, text) if "@" in text else text


def _mask_once(text: str) -> str:
    if DIGIT_OR_AT.search(text) is not None:
        text = pii_patterns.compile_pii_pattern().sub(_mask_match, text)
    if not pii_patterns.may_name_someone(text):
        return text
    return pii_patterns.compile_name_pattern().sub(lambda match: (match["before"] or match["closing"]) + MASK, text)


def _mask_match(pii_match: re.Match[str]) -> str:
    text = pii_match[0]
    match pii_match.lastgroup:
        case "phone":
            return mask_phone(text)
        case "other":
            return MASK
        case "card":
            return MASK if _is_card(text) else text
        case "link":
            return MASK if CONTACT_LINK.search(text) else text
        case _:
            return text


def _is_card(digits: str) -> bool:
    """Whether the check digit is right: an id of sixteen digits seldom has it."""
    products = (int(digit) * (2 if position % 2 == 0 else 1) for position, digit in enumerate(digits))
    return sum(n - 9 if n > 9 else n for n in products) % 10 == 0  # noqa: PLR2004 (Luhn)


def mask_phone(text: str) -> str:
    """Mask a phone number: asterisks and its last two digits, of a short one asterisks alone."""
    characters = [character for character in text if character.isdecimal() or character == "*"]
    last_digits = "".join(characters[-2:]).replace("*", "")
    return MASK + last_digits if len(characters) >= MIN_PHONE_DIGITS else MASK
