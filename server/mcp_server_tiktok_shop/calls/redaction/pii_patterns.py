"""Patterns of personal data in free text, and of what only looks like it: ids, times, amounts."""

from __future__ import annotations

import re
from functools import cache

WORD = r"[^\W\d_][\w'\u2019.-]{0,30}"
# Names and places begin with no small letter.
NAME_WORD = r"[^\W\d_a-zß-öø-ÿ][\w'\u2019.-]{0,30}"
TOWN = r"[^\W\d_a-zß-öø-ÿ](?:[^\W\d_]|['\u2019.-]){0,30}(?!\w)"

EMAIL = r"(?<![\w.%+'-])[\w.%+'-]+@(?:[\w-]+\.)+[\w-]+"
LINK = r"https?://[^\s\"<>]+"

# Of addresses: the street with its number, and what follows it.
UK_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b"
US_ZIP = r"(?:[A-Z]{2}\s)?\d{5}(?:-\d{4})?\b"
PLACE_SUFFIX = rf"(?:,\s*(?:\d{{4,6}} )?{TOWN}(?: {TOWN})?){{0,3}}(?:,?\s*(?:{UK_POSTCODE}|{US_ZIP}))?"
FLAT_NUMBER = r"(?:\b(?i:flat|apt|apartment|unit|suite|room)\.? \w{1,5},? )?"
HOUSE_NUMBER = r"(?<![\w*])\d{1,5}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?,? "
# Words that stand between a number and "road" in a sentence, but not in an address.
NO_COMMON_WORD = r"(?!(?:a|an|and|are|at|by|for|from|in|is|my|of|off|on|or|that|the|this|to|was|with|your)\b)"
STREET_NOUN = r"(?:street|road|lane|avenue|boulevard|terrace|crescent|highway|parkway)\b"
STREET_ABBREVIATION = r"(?:St|Rd|Ln|Ave|Blvd|Hwy|Pkwy|Drive|Dr)\b"
# Common words: they end an address, but go on in a sentence.
STREET_ENDING = (
    r"(?:Court|Ct|Close|Place|Pl|Square|Sq|Way|Gardens|Grove|Hill|Mews|Park|Row|Walk|Circle|Cir)(?= *(?:[,.;:!?\n]|$))"
)
ENGLISH_ADDRESS = (
    rf"{FLAT_NUMBER}{HOUSE_NUMBER}(?:(?i:(?:{NO_COMMON_WORD}{WORD} ){{1,3}}{STREET_NOUN})"
    rf"|(?:{NAME_WORD} ){{1,3}}(?:{STREET_ABBREVIATION}|{STREET_ENDING}))\.?{PLACE_SUFFIX}"
)
GERMAN_ADDRESS = (
    rf"\b(?:{NAME_WORD}(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|straat|laan|plein|gracht)"
    rf"|(?:{NAME_WORD}[ -])?(?:Straße|Strasse|Weg|Platz|Allee)) \d{{1,4}}(?: ?[a-z]\b)?(?:,? \d{{4,5}} {NAME_WORD})?"
)
FRENCH_ADDRESS = (
    r"(?<![\w*])\d{1,4}(?: ?(?:bis|ter))?,? (?i:rue|avenue|boulevard|chemin|allée|impasse|quai) "
    rf"(?:(?:de|du|des|la|le|les) ){{0,2}}(?:[dl]['\u2019])?{NAME_WORD}(?: {NAME_WORD}){{0,3}}{PLACE_SUFFIX}"
)
# Spanish, Italian, Portuguese, Polish, Indonesian, Malay.
NUMBER_LAST_ADDRESS = (
    r"\b(?:Via|Viale|(?i:calle|avenida|avda|paseo|carrera|corso|piazza|rua|travessa|alameda|ul|jl|jln|jalan|gg))\.? "
    rf"(?:{WORD}[ ,]{{1,2}}){{1,5}}(?:(?i:n[º°o]?\.?|no\.?|blok|\#) ?)?\d{{1,5}}[A-Za-z]?\b{PLACE_SUFFIX}"
)
ALLEY_NUMBER = r"(?<![\w*])\d{1,5}(?:/\d{1,4}){0,3},? "
VIETNAMESE_ADDRESS = rf"{ALLEY_NUMBER}(?i:đường|phố|ngõ|hẻm) {WORD}(?: {NAME_WORD}){{0,3}}"
THAI_ADDRESS = rf"{ALLEY_NUMBER}?(?:ถนน|ซอย|หมู่)\s?\S{{1,30}}"
CJK_CHAR = r"[\u3005-\u3007\u3041-\u30ff\u3400-\u9fff]"
CJK_ADDRESS = (
    rf"{CJK_CHAR}{{2,20}}[市区町村省]{CJK_CHAR}{{0,20}}\d{{1,4}}(?:(?:[-\u2212]|丁目|番地?|号|路)\d{{0,4}}){{0,4}}"
)
PO_BOX = r"\b(?i:p\.? ?o\.? ?box) \d{1,6}\b"
ADDRESSES = (
    ENGLISH_ADDRESS,
    GERMAN_ADDRESS,
    FRENCH_ADDRESS,
    NUMBER_LAST_ADDRESS,
    VIETNAMESE_ADDRESS,
    THAI_ADDRESS,
    CJK_ADDRESS,
    PO_BOX,
    rf"\b{UK_POSTCODE}",
)

BRAZILIAN_TAX_ID = r"(?<!\d)(?:\d{3}\.\d{3}\.\d{3}-\d\d|\d\d\.\d{3}\.\d{3}/\d{4}-\d\d)(?!\d)"
US_SSN = r"(?<![\d-])\d{3}-\d\d-\d{4}(?![\d-])"
OTHER_TAX_ID = r"\b(?:[A-ZÑ&]{4}\d{6}[A-Z0-9]{3}|[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]|[A-Z]{2}\d{6}[A-D])\b"
IBAN = r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"
GROUPED_CARD = r"(?<!\d)\d{4}(?:[ -]\d{4}){3}(?![ -]?\d)"
DOCUMENT_NUMBERS = (BRAZILIAN_TAX_ID, US_SSN, OTHER_TAX_ID, IBAN, GROUPED_CARD)
# A card's number without gaps may be an id: its check digit tells.
UNSPACED_CARD = r"(?<!\d)(?:4\d{15}|5[1-5]\d{14})(?!\d)"

CURRENCY_CODES = r"(?:USD|EUR|GBP|IDR|VND|THB|PHP|MYR|SGD|JPY|MXN|BRL|Rp|RM|kr)"
MAX_AMOUNT_GROUPS = 8  # of digits: without a bound each would be looked at from every one before it
SPACED_NUMBER = rf"[1-9]\d{{0,2}}(?: \d{{3}}){{1,{MAX_AMOUNT_GROUPS}}}"
POINTED_NUMBER = rf"[1-9]\d*(?:[.,]\d+){{0,{MAX_AMOUNT_GROUPS}}}"
NUMBER_START = r"(?<![\d.,+])"
NUMBER_END = r"(?!\d|[.,/-]\d)"
NOT_PII = (
    r"(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])",
    r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:T\d{4,6}Z?)?(?![\w-])",
    r"(?<![\d.,])\d{1,2}(?P<cut>[./-])\d{1,2}(?P=cut)(?:\d{4}|\d\d)(?!\d|[./-]\d)",
    rf"(?:[$€£¥₫฿₱₩]|R\$|\b{CURRENCY_CODES})\.? ?\d[\d.,]*",
    rf"{NUMBER_START}(?:{SPACED_NUMBER}|{POINTED_NUMBER}) ?(?:[$€£¥₫฿₱₩]|{CURRENCY_CODES}\b)",
    rf"{NUMBER_START}[1-9]\d{{0,2}}(?:[.,]\d{{3}}){{1,{MAX_AMOUNT_GROUPS}}}(?:[.,]\d\d?)?{NUMBER_END}",
    rf"{NUMBER_START}(?:0\.\d+|[1-9]\d*\.\d\d?){NUMBER_END}",
    r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b",
    r"\d{16,}",
)
PHONE_GAP = r"[ \t\xa0.()/\-\u2010-\u2015]{0,3}"
PHONE = rf"(?<![0-9A-Za-z_#*])(?:\+ ?)?\(?(?:\+ ?)?\d(?:{PHONE_GAP}\d){{6,14}}(?!\d)"

INTRODUCTIONS = (
    r"my name(?: is|'s|\u2019s)",
    r"ich hei(?:ß|ss)e",
    "mein name ist",
    "me llamo",
    "mi nombre es",
    r"je m['\u2019]appelle",
    "mi chiamo",
    "nama saya",
    "meu nome é",
    "tên tôi là",
    "tôi tên là",
)
NO_NAME = r"(?!(?i:not|on|in|at|wrong|written|spelled|spelt|misspelled|missing|the|a|is|incorrect|correct|different)\b)"
# A surname in small letters, if the sentence ends with it.
SURNAME = rf"(?: (?!(?i:thanks?|please|and|you|here|too)\b){WORD}(?=[ ]*(?:[.,;:!?\n]|$)))?"
CLOSINGS = ("regards", "sincerely", "yours truly", "best wishes", "cheers", "grüße", "saludos", "cordialement")
# The words that each of those begins with, in whatever letters: where there are none, nobody is named.
NAME_PHRASES = tuple(re.split(r"['(\[]", phrase)[0].casefold() for phrase in (*INTRODUCTIONS, *CLOSINGS))


def may_name_someone(text: str) -> bool:
    """Whether the pattern of names may find anything in the text: quick, since mostly there is nothing."""
    # To the pattern an i is an i also with a dot that it lacks, or has twice; `casefold` tells them apart.
    folded_text = text.replace("\u0130", "i").replace("\u0131", "i").casefold()
    for phrase in NAME_PHRASES:  # noqa: SIM110 - a generator would take twice as long
        if phrase in folded_text:
            return True
    return False


@cache
def compile_pii_pattern() -> re.Pattern[str]:
    """What digits or @ give away, by groups: `link`, `card`, `other` and `phone`; `not_pii` only looks like it."""
    other = "|".join((EMAIL, *DOCUMENT_NUMBERS, *ADDRESSES))
    not_pii = "|".join(NOT_PII)
    groups = {"link": LINK, "other": other, "card": UNSPACED_CARD, "not_pii": not_pii, "phone": PHONE}
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in groups.items()))


@cache
def compile_name_pattern() -> re.Pattern[str]:
    """A name after the words that introduce it (the group `before`) or that close a letter (the group `closing`)."""
    introduced_name = (
        rf"(?P<before>\b(?i:{'|'.join(INTRODUCTIONS)}) *:? +){NO_NAME}{WORD}(?: {NAME_WORD}){{0,3}}{SURNAME}"
    )
    signed_name = (
        rf"(?P<closing>\b(?i:{'|'.join(CLOSINGS)}),?\s{{1,3}}){NAME_WORD}(?: {NAME_WORD}){{0,2}}(?=[ .!,]*(?:\n|$))"
    )
    return re.compile(f"{introduced_name}|{signed_name}")
