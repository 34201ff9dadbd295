"""Normalizes a web address to the form in which it will be connected to, and judges it in that form."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_URL_CHARS, MAX_HOST_CHARS = 8000, 253
# What readers of URLs disagree about: some drop it, some take it for a slash or for the end of the host.
AMBIGUOUS_CHARS = re.compile(r"[\x00-\x20\x7f\\]")
HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)
NUMBER_LABEL = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
# Names that only a network of one's own answers to: a proxy would ask its own.
PRIVATE_SUFFIXES = frozenset(
    ("localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "onion")
)
# Address ranges that lead to an IPv4 address written inside them, which may be a private one.
IPV4_EMBEDDING_NETWORKS = tuple(
    map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "2002::/16", "2001::/32"))
)


class WebAddress(Struct, frozen=True):
    """An http or https URL: `host` is an ASCII name in small letters, or an `address` where it is one in any form."""

    scheme: str
    host: str
    address: IpAddress | None
    port: int | None
    path: str
    query: str

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def netloc(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if isinstance(self.address, ipaddress.IPv6Address) else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def is_private_name(self) -> bool:
        """Whether the host is a name that is nobody's on the public internet."""
        first, _, suffix = self.host.rpartition(".")
        return self.address is None and (not first or suffix in PRIVATE_SUFFIXES)


def parse_web_address(url: str) -> WebAddress:
    """The parts of a web address that holds no credentials and nothing that can be read in two ways.

    Raises:
        ValueError: It is none.

    """
    if len(url) > MAX_URL_CHARS or AMBIGUOUS_CHARS.search(url):
        raise ValueError
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not parts.hostname:
        raise ValueError
    host, address = _read_host(parts)
    return WebAddress(parts.scheme, host, address, parts.port, parts.path, parts.query)


def _read_host(parts: SplitResult) -> tuple[str, IpAddress | None]:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        address = ipaddress.IPv6Address(host)  # without a zone: that is an interface of one computer
        if address.scope_id is not None:
            raise ValueError
        return str(address.ipv4_mapped or address), address.ipv4_mapped or address
    host = _to_ascii(host).removesuffix(".")
    if len(host) > MAX_HOST_CHARS or not HOST_NAME.fullmatch(host):  # also of percent signs: nothing decodes them here
        raise ValueError
    if NUMBER_LABEL.fullmatch(host.rpartition(".")[2]):
        ipv4_address = _read_ipv4(host)
        return str(ipv4_address), ipv4_address
    return host, None


def _to_ascii(host: str) -> str:
    """The host as it is asked for: full-width digits, other full stops and letters of all scripts are mapped."""
    if host.isascii():
        return host
    import idna  # noqa: PLC0415 - comes with the HTTP client, and few hosts need it

    return idna.encode(host, uts46=True, transitional=False).decode()


def _read_ipv4(host: str) -> ipaddress.IPv4Address:
    """An address in any of the forms that systems connect to: short, octal, hexadecimal, one number."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        raise ValueError from None


def is_public(address: IpAddress) -> bool:
    """Whether an address is on the public internet, and so is the one it may carry inside."""
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    if address.is_site_local or any(address in network for network in IPV4_EMBEDDING_NETWORKS):
        return False
    return address.sixtofour is None and address.teredo is None
