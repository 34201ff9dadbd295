"""Free text that people wrote: marks nobody sees are taken out, personal data inside is masked by its pattern."""

from __future__ import annotations

import re
from functools import cache

MASK = "***"
LEAST_DIGITS = 5  # asterisks counted, of a number whose last two may be shown

EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
)
EMOJI += "\U0001f000-\U0001faff"
LINES = re.compile("\r\n?|[\x85\u2028\u2029]")
# Controls, joiners, marks of direction, fillers, selectors and tags; what holds an emoji together stays.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    f"|(?<![{EMOJI}])(?<![{EMOJI}]\ufe0f)\u200d|\u200d(?![{EMOJI}])"
    f"|(?<![{EMOJI}0-9#*])\ufe0f|(?<=[0-9#*])\ufe0f(?!\u20e3)"
)

WORD = r"[^\W\d_][\w'\u2019.-]{0,30}"
NAMED = r"[^\W\d_a-zß-öø-ÿ][\w'\u2019.-]{0,30}"  # begins with no small letter, as names and places do
# Words that stand between a number and "road" in a sentence, but not in an address.
PLAIN = r"(?!(?:a|an|and|are|at|by|for|from|in|is|my|of|off|on|or|that|the|this|to|was|with|your)\b)"
STREETS = "street|road|lane|avenue|boulevard|terrace|crescent|highway|parkway"
WAYS = "St|Rd|Ln|Ave|Blvd|Hwy|Pkwy|Drive|Dr|Court|Ct|Close|Place|Pl|Square|Sq|Way|Gardens|Grove|Hill|Mews|Park|Row"
WAYS += "|Walk|Circle|Cir|Road|Street|Lane|Terrace|Crescent"
POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b|[A-Z]{2}\s\d{5}(?:-\d{4})?\b"
TOWN = r"[^\W\d_a-zß-öø-ÿ](?:[^\W\d_]|['\u2019.-]){0,30}(?!\w)"
PLACE = rf"(?:,\s*(?:\d{{4,6}}[ ])?{TOWN}(?:[ ]{TOWN})?){{0,3}}(?:,?\s*(?:{POSTCODE}))?"
GAP = r"[ \t\xa0.()/\-\u2010-\u2015]{0,3}"
CODES = "USD|EUR|GBP|IDR|VND|THB|PHP|MYR|SGD|JPY|MXN|BRL|Rp|RM|kr"
CURRENCY = rf"(?:[$€£¥₫฿₱₩]|R\$|\b(?:{CODES}))"
# What looks like a phone number and is none, or is told apart from it by what follows.
KEPT = rf"""
    (?<!\d)\d{{4}}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{{1,9}})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])
  | (?<![\d.,])\d{{1,2}}(?P<cut>[./-])\d{{1,2}}(?P=cut)(?:\d{{4}}|\d\d)(?!\d|[./-]\d)
  | {CURRENCY}\.?[ ]?\d[\d.,]*
  | (?<![\d.,+])[1-9]\d*(?:[.,]\d+)*[ ]?(?:[$€£¥₫฿₱₩]|(?:{CODES})\b)
  | (?<![\d.,+])[1-9]\d{{0,2}}(?:[.,]\d{{3}})+(?:[.,]\d\d?)?(?!\d|[.,/-]\d)
  | (?<![\d.,+])[1-9]\d*\.\d\d?(?!\d|[.,/-]\d)
  | \b[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}\b
  | \d{{16,}}
"""
CARD = r"(?<!\d)(?:4\d{15}|5[1-5]\d{14})(?!\d)"
NUMBERS = rf"""
    (?P<link>https?://[^\s"<>]+)
  | (?P<other>
        (?<![\w.%+'-])[\w.%+'-]+@(?:[\w-]+\.)+[\w-]+
      | (?<!\d)\d{{4}}(?:[ -]\d{{4}}){{3}}(?![ -]?\d)
      | (?<!\d)\d{{3}}\.\d{{3}}\.\d{{3}}-\d\d(?!\d) | (?<!\d)\d\d\.\d{{3}}\.\d{{3}}/\d{{4}}-\d\d(?!\d)
      | (?<![\d-])\d{{3}}-\d\d-\d{{4}}(?![\d-])
      | \b(?:[A-ZÑ&]{{4}}\d{{6}}[A-Z0-9]{{3}}|[A-Z]{{6}}\d\d[A-Z]\d\d[A-Z]\d{{3}}[A-Z]|[A-Z]{{2}}\d{{6}}[A-D])\b
      | \b[A-Z]{{2}}\d\d(?:[ ]?[A-Z0-9]{{4}}){{3,7}}(?:[ ]?[A-Z0-9]{{1,3}})?\b
      | (?<![\w*])\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,4}}[A-Za-z]?)?,?[ ]
            (?: (?i:(?:{PLAIN}{WORD}[ ]){{1,3}}(?:{STREETS})\b) | (?:{NAMED}[ ]){{1,3}}(?:{WAYS})\b )\.?{PLACE}
      | \b{NAMED}(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|straat|laan|plein|gracht)[ ]\d{{1,4}}
            (?:[ ]?[a-z]\b)?(?:,?[ ]\d{{4,5}}[ ]{NAMED})?
      | \b(?:{NAMED}[ -])?(?:Straße|Strasse|Weg|Platz|Allee)[ ]\d{{1,4}}(?:[ ]?[a-z]\b)?(?:,?[ ]\d{{4,5}}[ ]{NAMED})?
      | (?<![\w*])\d{{1,4}}(?:[ ]?(?:bis|ter))?,?[ ](?i:rue|avenue|boulevard|chemin|allée|impasse|quai)[ ]
            (?:(?:de|du|des|la|le|les)[ ]){{0,2}}(?:[dl]['\u2019])?{NAMED}(?:[ ]{NAMED}){{0,3}}{PLACE}
      | \b(?i:calle|avenida|avda\.?|paseo|carrera|viale?|corso|piazza|rua|travessa|alameda|ul\.|jl|jln|jalan|gang)\.?[ ]
            (?:{WORD}[ ,]{{1,2}}){{1,5}}(?:(?i:n[º°o]?\.?|no\.?|blok|\#)[ ]?)?\d{{1,5}}[A-Za-z]?\b{PLACE}
      | (?<![\w*])\d{{1,5}}(?:/\d{{1,4}})*,?[ ](?i:đường|phố|ngõ|hẻm|ถนน|ซอย|หมู่)[ ]?{WORD}(?:[ ]{NAMED}){{0,3}}
      | \b[A-Z]{{1,2}}\d[A-Z\d]?[ ]\d[A-Z]{{2}}\b
      | {CARD}
    )
  | (?P<kept>{KEPT})
  | (?P<phone>(?<![0-9A-Za-z_\#*])(?:\+[ ]?)?\(?(?:\+[ ]?)?\d(?:{GAP}\d){{6,14}}(?!\d))
"""
INTRODUCED = r"""
    (?P<before>\b(?i:my[ ]name(?:[ ]is|'s|\u2019s)|(?:the[ ])?name[ ]is|ich[ ]hei(?:ß|ss)e|mein[ ]name[ ]ist|me[ ]llamo
        |mi[ ]nombre[ ]es|je[ ]m['\u2019]appelle|mi[ ]chiamo|nama[ ]saya|meu[ ]nome[ ]é|tên[ ]tôi[ ]là|tôi[ ]tên[ ]là)
        [ ]*:?[ ]+)
    (?!(?i:not|on|in|at|wrong|written|spelled|spelt|misspelled|missing|the|a|is|incorrect|correct|different)\b)
"""
# A surname in small letters, if the sentence ends with it.
LAST = rf"(?:[ ](?!(?i:thanks?|please|and|you|here|too)\b){WORD}(?=[ ]*(?:[.,;:!?\n]|$)))?"
SIGNED = r"(?P<closing>\b(?i:regards|sincerely|yours[ ]truly|best[ ]wishes|cheers|grüße|saludos|cordialement),?\s{1,3})"
TELLS = re.compile(r"wa\.me|whatsapp|t\.me|@|%40|tel=|phone=|mobile=|mail=", re.IGNORECASE)


@cache
def _numbers() -> re.Pattern[str]:
    return re.compile(NUMBERS, re.VERBOSE)


@cache
def _names() -> re.Pattern[str]:
    introduced = rf"{INTRODUCED}{WORD}(?:[ ]{NAMED}){{0,3}}{LAST}"
    return re.compile(rf"{introduced}|{SIGNED}{NAMED}(?:[ ]{NAMED}){{0,2}}(?=[ .!,]*(?:\n|$))", re.VERBOSE)


def visible(text: str) -> str:
    """The text without marks that nobody sees or that turn its direction; emoji stay whole."""
    if text.isascii() and text.isprintable():
        return text
    return INVISIBLE.sub("", LINES.sub("\n", text))


def masked(text: str) -> str:
    """The text with e-mails, phone, card and tax numbers, addresses and names told as such masked."""
    before = ""
    while before != text:  # what stands beside a mask may be read anew: masking a second time must change nothing
        before, text = text, _once(text)
    return text


def _once(text: str) -> str:
    if any(sign.isdecimal() or sign == "@" for sign in text):
        text = _numbers().sub(_number, text)
    return _names().sub(lambda found: (found["before"] or found["closing"]) + MASK, text)


def _number(found: re.Match[str]) -> str:
    told = found[0]
    if found["phone"]:
        return masked_phone(told)
    if found["other"]:
        return MASK if not re.fullmatch(CARD, told) or _is_card(told) else told
    if found["link"]:
        return MASK if TELLS.search(told) else told
    return told


def _is_card(digits: str) -> bool:
    """Whether the check digit is right: an id of sixteen digits seldom has it."""
    twice = (int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(digits))
    return sum(n - 9 if n > 9 else n for n in twice) % 10 == 0  # noqa: PLR2004 (Luhn)


def masked_phone(text: str) -> str:
    """Asterisks and the last two digits."""
    signs = [sign for sign in text if sign.isdecimal() or sign == "*"]
    ending = "".join(signs[-2:]).replace("*", "")
    return MASK + ending if len(signs) >= LEAST_DIGITS else MASK
