"""Parsers of setting texts: what no setting, key or token may contain, and secrets read from files."""

from __future__ import annotations

import codecs
import re
import unicodedata
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Callable

WEBHOOK_PATH = "/webhooks/tiktok"
CALLBACK_PATH = "/oauth/tiktok/callback"
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
# What a client, a shell or a template engine was to replace by a value, and did not.
PLACEHOLDER_PATTERN = re.compile(r"\$\{[^{}]*\}|\{\{.*?\}\}", re.DOTALL)
WHOLE_PLACEHOLDER_PATTERN = re.compile(r"\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|<[^<>]*>", re.ASCII)
FOLDER_PLACEHOLDER_PATTERN = re.compile(r"^\$[A-Za-z_]\w*|%[A-Za-z_]\w*%", re.ASCII)
PLACEHOLDER_FAULT = (
    "holds a placeholder in place of its value, which whoever starts this server did not fill in: write the value "
    "itself, or the placeholder as that program wants it"
)
QUOTES = "\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
FORMAT_CATEGORY = "Cf"  # a byte order mark, a zero-width space
INVISIBLE_CATEGORIES = ("Cc", FORMAT_CATEGORY, "Zl", "Zp")  # control characters as well


def find_text_fault(text: str) -> str:
    """What no setting can mean, as the rest of a sentence that begins with its name; empty where there is none."""
    text = text.strip()
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "holds bytes that are not UTF-8"
    if PLACEHOLDER_PATTERN.search(text) or WHOLE_PLACEHOLDER_PATTERN.fullmatch(text):
        return PLACEHOLDER_FAULT
    if text and FORMAT_CATEGORY in map(unicodedata.category, (text[0], text[-1])):
        return "begins or ends with an invisible character (a byte order mark, a zero-width space): copy it anew"
    if len(text) > 1 and text[0] in QUOTES and text[-1] in QUOTES:
        return "has quotation marks around its value: take them away"
    return ""


def parse_credential(text: str) -> str:
    """An app key, app secret, token or service id, without blanks around it.

    Raises:
        ValueError: It can't be one; the message is the rest of a sentence that begins with its name, and holds nothing
            of the text.

    """
    text = text.strip()
    if fault := find_text_fault(text):
        raise ValueError(fault)
    if any(unicodedata.category(character) in INVISIBLE_CATEGORIES for character in text):
        raise ValueError("contains an invisible character (a line break, a zero-width space): copy it again, by itself")
    if any(character in QUOTES for character in text):
        raise ValueError("contains a quotation mark: write the value without quotes")
    if not text.isascii():
        raise ValueError("contains a character outside ASCII, which no key or token has: copy it again")
    if " " in text:
        raise ValueError("contains a space: write the value without it")
    return text


def parse_secret(text: str) -> SecretStr:
    """An app secret or token. Raises as `parse_credential`."""
    return SecretStr(parse_credential(text))


def parse_folder(text: str) -> Path:
    """The absolute path of a folder.

    Raises:
        ValueError: It can't be followed; the message is the rest of a sentence that begins with the setting's name.

    """
    if FOLDER_PLACEHOLDER_PATTERN.search(text.strip()):
        raise ValueError(PLACEHOLDER_FAULT)
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError("names the home of a user who does not exist") from None
    except OSError:
        raise ValueError("is relative to the current folder, which no longer exists: write the full path") from None


def read_secret_file(path: str) -> str:
    """The text of a file, as editors and shells write it: UTF-8 with or without a mark, UTF-16 with one.

    Raises:
        ValueError: There is none; the message is the rest of a sentence that begins with the setting's name.

    """
    if fault := find_text_fault(path):
        raise ValueError(fault)
    try:
        content = Path(path.strip()).expanduser().read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        raise ValueError(f"names a file that can't be read ({reason})") from None
    try:
        encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        text = content.decode(encoding).strip()
    except UnicodeDecodeError:
        raise ValueError("names a file that is not UTF-8 text: save it as UTF-8") from None
    if not text:
        raise ValueError("names a file that is empty")
    return text


def parse_bool(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.casefold() not in words:
        raise ValueError("is neither true nor false")
    return words[text.casefold()]


def make_choice_parser(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.casefold() not in allowed:
            suggestions = get_close_matches(text.casefold(), allowed, n=1)
            did_you_mean = f"; did you mean {suggestions[0]}?" if suggestions else ""
            raise ValueError(f"is not one of {', '.join(allowed)}{did_you_mean}")
        return text.casefold()

    return parse


def parse_url(text: str) -> str:
    match = re.fullmatch(
        r"https?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w./~-]*)?", text.strip(), re.ASCII | re.IGNORECASE
    )
    if match is None or int((match[2] or ":1")[1:]) >= 2**16:
        raise ValueError("is not a plain http(s) address")
    parts = urlsplit(text.strip())
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("is plain http, which is allowed only on this computer: use https")
    return text.strip().rstrip("/")


def make_service_url_parser(*schemes: str) -> Callable[[str], str]:
    """A parser of the address of a service of the operator's, without a password: others read command lines."""

    def parse(text: str) -> str:
        url = text.strip()
        try:
            parts = urlsplit(url)
            is_sound = parts.scheme in schemes and (parts.port is None or bool(parts.hostname))
        except ValueError:
            is_sound = False
        if not is_sound or any(c.isspace() for c in url):
            raise ValueError(f"is not an address that begins with {schemes[0]}://")
        if parts.password is not None or "password" in parts.query:
            raise ValueError("contains a password: remove it, and set it with the variable for it")
        return url

    return parse


def parse_issuer(text: str) -> str:
    """An issuer as it calls itself: a slash at its end is part of its name."""
    parse_url(text)
    return text.strip()


def parse_origin(text: str) -> str:
    """The scheme, host and port of an address; hosts are compared in lower case."""
    url = parse_url(text).lower()
    if urlsplit(url).path:
        raise ValueError("has a path: write scheme and host alone, https://shops.example")
    return url


def parse_webhook_url(text: str) -> str:
    """An address as the platform takes it: https and a domain name, without a port; the host in lower case."""
    parts = urlsplit(parse_url(text))
    host = parts.hostname or ""
    if parts.scheme != "https" or parts.port is not None or "." not in host or re.fullmatch(r"[\d.]+", host):
        raise ValueError("is not https with a domain name and without a port; TikTok accepts nothing else")
    if not parts.path.endswith(WEBHOOK_PATH):
        raise ValueError(f"does not end with {WEBHOOK_PATH}, where webhooks are received")
    return f"https://{host}{parts.path}"


def parse_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ValueError("holds no name")
    return names


def make_number_parser(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text.strip()) is None or not minimum <= int(text) <= maximum:
            raise ValueError(f"is not a number from {minimum} to {maximum}")
        return int(text)

    return parse
