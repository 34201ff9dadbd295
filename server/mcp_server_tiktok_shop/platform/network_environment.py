"""Network environment: the variables the HTTP client obeys, and what is wrong with an unusable one."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from mcp_server_tiktok_shop.proxies import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Callable

CERTIFICATE_FILE_VARIABLE = "SSL_CERT_FILE"
CERTIFICATE_FOLDER_VARIABLE = "SSL_CERT_DIR"  # counts where there is no file
KEY_LOG_VARIABLE = "SSLKEYLOGFILE"
HASHED_NAME_PATTERN = re.compile(r"[0-9a-f]{8}\.\d+")  # as `openssl rehash` names certificates
PROXY_HOST_PATTERN = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%\w+)?")


def find_environment_fault() -> str:
    """A sentence about the first variable that can't be followed, without its value where that may be secret.

    Empty where all can. To be asked for hosts beyond this machine alone: only then the variables count.
    """
    checks: list[Callable[[], str]] = [_find_proxy_fault]
    if os.environ.get(CERTIFICATE_FILE_VARIABLE):
        checks += [_find_certificate_file_fault, _find_key_log_fault]
    elif os.environ.get(CERTIFICATE_FOLDER_VARIABLE):
        checks += [_find_certificate_folder_fault, _find_key_log_fault]
    return next(filter(None, (check() for check in checks)), "")


def describe_trusted_certificates() -> str:
    """Which variable says whose certificates are trusted, for a sentence about one that is not; empty for none."""
    variables = (CERTIFICATE_FILE_VARIABLE, CERTIFICATE_FOLDER_VARIABLE)
    variable = next((name for name in variables if os.environ.get(name)), "")
    return f" ({variable} is set, so that only the certificates there count)" if variable else ""


def _find_proxy_fault() -> str:
    for scheme, url in getproxies().items():
        if scheme in ("http", "https", "all") and not _is_proxy_url(url):
            variable = f"{scheme.upper()}_PROXY"
            return (
                f"{variable} can't be followed: it is not a proxy's address such as http://proxy.example:8080. "
                f"Correct or unset it, or set TIKTOK_SHOP_PROXY."
            )
    return ""


def _is_proxy_url(url: str) -> bool:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in SCHEMES and PROXY_HOST_PATTERN.fullmatch(host) is not None and port != 0


def _find_certificate_file_fault() -> str:
    path = os.environ[CERTIFICATE_FILE_VARIABLE]
    advice = "Correct it, or unset it: the system's own certificates count then."
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return f"{CERTIFICATE_FILE_VARIABLE} names {path}, which holds no certificates in PEM. {advice}"
    except OSError as error:
        return f"{CERTIFICATE_FILE_VARIABLE} names {path}, which can't be read: {error.strerror}. {advice}"
    return ""


def _find_certificate_folder_fault() -> str:
    folders = [Path(folder) for folder in os.environ[CERTIFICATE_FOLDER_VARIABLE].split(os.pathsep)]
    if any(HASHED_NAME_PATTERN.fullmatch(name) for folder in folders for name in _list_names(folder)):
        return ""
    return (
        f"{CERTIFICATE_FOLDER_VARIABLE} names {os.environ[CERTIFICATE_FOLDER_VARIABLE]}, where no certificates are "
        "under the names that `openssl rehash` gives them. Correct it, or unset it: the system's own count then."
    )


def _list_names(folder: Path) -> list[str]:
    """The names in a folder; none where it can't be read."""
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _find_key_log_fault() -> str:
    path = os.environ.get(KEY_LOG_VARIABLE)
    if not path:
        return ""
    try:
        with Path(path).open("ab"):
            return ""
    except OSError as error:
        return f"{KEY_LOG_VARIABLE} names {path}, which can't be written: {error.strerror}. Correct it, or unset it."
