"""Parses a proxy's address as people write it, without losing a character of its password or showing one."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Literal, cast
from urllib.parse import unquote

from msgspec import Struct
from pydantic import SecretStr

Scheme = Literal["http", "https", "socks5", "socks5h"]
SCHEMES = ("http", "https", "socks5", "socks5h")
MAX_SOCKS_CREDENTIAL_BYTES = 255
FORMATS_HINT = "write scheme://host:port, scheme://user:password@host:port or scheme://host:port:user:password"

_HOST = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>\d{1,5})"
_TRAILING_CREDENTIALS = re.compile(rf"^{_HOST}(?::(?P<user>[^:]+):(?P<password>.+))?$", re.DOTALL)
_HOST_AND_PORT = re.compile(rf"^{_HOST}/?$")


class Proxy(Struct, frozen=True):
    """A proxy and its credentials; as a text it is without them."""

    scheme: Scheme
    host: str
    port: int
    user: str | None = None
    password: SecretStr = SecretStr("")

    @property
    def url(self) -> str:
        """Its address without credentials."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def collect_secrets(self) -> list[str]:
        """What must never be shown of it: the password, by itself and as the `Proxy-Authorization` header has it."""
        password = self.password.get_secret_value()
        return [password, b64encode(f"{self.user}:{password}".encode()).decode()] if password else []

    def __str__(self) -> str:
        return f"{self.url} (with credentials)" if self.user else self.url


def parse_proxy(text: str) -> Proxy:
    """The proxy that a text names.

    Credentials behind the port are taken as they are, those in front of the host may be percent-encoded.

    Raises:
        ValueError: It names none; the message says why, and holds nothing of the text but its scheme.

    """
    scheme, separator, rest = text.strip().partition("://")
    scheme = scheme.lower()
    if not separator:
        raise ValueError(f"has no scheme: {FORMATS_HINT}")
    if scheme not in SCHEMES:
        raise ValueError(f"has a scheme that is not one of {', '.join(SCHEMES)}")
    user = password = None
    if _TRAILING_CREDENTIALS.match(rest) and "@" in rest and _HOST_AND_PORT.match(rest.rpartition("@")[2]):
        raise ValueError("can be read in two ways: percent-encode the : and @ of its password")
    if match := _TRAILING_CREDENTIALS.match(rest):
        user, password = match["user"], match["password"]
    else:
        credentials, at_sign, address = rest.rpartition("@")
        match = _HOST_AND_PORT.match(address)
        if match is None:
            raise ValueError(f"has no host and port where they belong: {FORMATS_HINT}")
        if at_sign:
            name, _, secret = credentials.partition(":")
            user, password = unquote(name), unquote(secret)
    port = int(match["port"])
    if not 0 < port < 2**16:
        raise ValueError("has a port that is not between 1 and 65535")
    longest_bytes = max(len((user or "").encode()), len((password or "").encode()))
    if scheme.startswith("socks") and longest_bytes > MAX_SOCKS_CREDENTIAL_BYTES:
        raise ValueError(
            f"has a user or password longer than the {MAX_SOCKS_CREDENTIAL_BYTES} bytes that SOCKS can carry"
        )
    return Proxy(cast("Scheme", scheme), match["host"], port, user, SecretStr(password or ""))
