"""An identity provider's public signing keys: fetched when unknown or old, one fetch at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import NestingError, RequestError, ShopError, TikTokShopServerError
from mcp_server_tiktok_shop.json_text import parse_json
from mcp_server_tiktok_shop.logs import to_one_line
from mcp_server_tiktok_shop.setting_texts import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport

    AlgorithmKeys = dict[str, PyJWK]

# By type and curve of a key. Asymmetric ones alone: with a shared secret whoever checks a token could make one.
ALGORITHMS_BY_KEY_TYPE = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
ALGORITHMS = frozenset(name for names in ALGORITHMS_BY_KEY_TYPE.values() for name in names)
FETCH_TIMEOUT_S = 5.0
MAX_DOCUMENT_BYTES = 2**20
MAX_KEYS = 100
REFRESH_AGE_S = 300.0  # of the keys, from which on they are read anew beside the requests: a withdrawn one must go
WAIT_AGE_S = 3600.0  # from which on a request waits for that
RETRY_S = 5.0  # after a fetch that failed
FETCHES_PER_MINUTE = 6  # for keys that nobody knows: whoever makes such tokens up causes no more
ABSENT_S = 10.0  # that a key which the provider did not have is not looked for again
MAX_ABSENT_KEYS = 1000

log = logging.getLogger(__name__)


class UnknownKeyError(TikTokShopServerError):
    """A token names a key that the identity provider does not have."""


class KeysUnavailableError(TikTokShopServerError):
    """Whether the identity provider has a key can't be found out now."""


class SigningKeys(Struct):
    """The keys at `jwks_url`, or where that is empty, at the address in the issuer's metadata.

    Keys that are known go on to be used while the provider is away.
    """

    transport: HttpTransport
    issuer: str
    jwks_url: str
    monotonic: Callable[[], float]
    _keys: dict[str, AlgorithmKeys] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _retry_at: float = float("-inf")
    _task: asyncio.Task[None] | None = None
    _recent_fetches: deque[float] = field(default_factory=lambda: deque(maxlen=FETCHES_PER_MINUTE))
    _absent_until: OrderedDict[str, float] = field(default_factory=OrderedDict)

    async def find(self, key_id: str) -> Mapping[str, PyJWK]:
        """The key of this id, for each algorithm that it can be used with.

        Raises:
            UnknownKeyError: The provider does not have it.
            KeysUnavailableError: It could not be asked, or was asked too often of late.

        """
        if key_id in self._keys:
            await self._refresh()
        while key_id not in self._keys:
            now = self.monotonic()
            if self._absent_until.get(key_id, now) > now:
                raise UnknownKeyError(key_id)
            if self._task is not None:  # it may have begun before the key was published: look, and fetch if need be
                await asyncio.shield(self._task)
                continue
            if now < self._retry_at or not self._may_fetch(now):
                raise KeysUnavailableError(self.issuer)
            await asyncio.shield(self._start_fetch(now))
            if self._read_at >= now and key_id not in self._keys:
                self._remember_absent(key_id, self.monotonic())
        return self._keys[key_id]

    async def are_known(self) -> bool:
        """Whether there are any, read now where there are none yet."""
        now = self.monotonic()
        if not self._keys and now >= self._retry_at and (self._task is not None or self._may_fetch(now)):
            await asyncio.shield(self._task or self._start_fetch(now))
        return bool(self._keys)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.transport.close()

    async def _refresh(self) -> None:
        now = self.monotonic()
        age = now - self._read_at
        if age < REFRESH_AGE_S or now < self._retry_at:
            return
        has_failed = self._retry_at > self._read_at
        task = self._task or self._start_fetch(now)
        if age >= WAIT_AGE_S and not has_failed:
            await asyncio.shield(task)

    def _may_fetch(self, now: float) -> bool:
        return len(self._recent_fetches) < FETCHES_PER_MINUTE or now - self._recent_fetches[0] >= 60  # noqa: PLR2004 - s

    def _remember_absent(self, key_id: str, now: float) -> None:
        self._absent_until.pop(key_id, None)
        self._absent_until[key_id] = now + ABSENT_S
        while len(self._absent_until) > MAX_ABSENT_KEYS:
            self._absent_until.popitem(last=False)

    def _start_fetch(self, now: float) -> asyncio.Task[None]:
        self._recent_fetches.append(now)
        self._task = asyncio.create_task(self._fetch())
        return self._task

    async def _fetch(self) -> None:
        try:
            document = await self._read_json(self.jwks_url or await self._find_jwks_url())
            keys = _parse_keys(document)
        except (RequestError, ShopError, NestingError, ValueError, httpx2.InvalidURL) as error:
            self._retry_at = self.monotonic() + RETRY_S
            log.warning("The keys of the identity provider can't be read: %s", to_one_line(str(error), 200))
        else:
            self._keys, self._read_at = keys, self.monotonic()
        finally:
            self._task = None

    async def _find_jwks_url(self) -> str:
        """The address of the keys in the issuer's metadata, which OpenID and OAuth have at different places."""
        for url in _make_metadata_urls(self.issuer):
            response = await self.transport.request("GET", url, timeout=FETCH_TIMEOUT_S)
            if response.status_code != 200:  # noqa: PLR2004
                continue
            metadata = _parse_document(response.content)
            if metadata.get("issuer") != self.issuer:
                raise ValueError("its metadata is that of another issuer; a slash at the end counts")
            return self._check_jwks_url(metadata.get("jwks_uri"))
        raise ValueError("it has no metadata")

    def _check_jwks_url(self, url: Any) -> str:
        """The address, which leads to this computer only where the issuer does."""
        parts = urlsplit(url if isinstance(url, str) else "")
        is_local = parts.scheme == "http" and {parts.hostname, urlsplit(self.issuer).hostname} <= set(LOOPBACK_HOSTS)
        if not parts.hostname or not (parts.scheme == "https" or is_local):
            raise ValueError("its metadata names no https address of keys")
        return parts.geturl()

    async def _read_json(self, url: str) -> dict[str, Any]:
        response = await self.transport.request("GET", url, timeout=FETCH_TIMEOUT_S)
        if response.status_code != 200:  # noqa: PLR2004
            raise ValueError(f"it answers with HTTP {response.status_code}")
        return _parse_document(response.content)


def _make_metadata_urls(issuer: str) -> tuple[str, str]:
    """Where OpenID Connect Discovery and RFC 8414 have an issuer's metadata."""
    parts = urlsplit(issuer)
    openid_url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    path = parts.path.rstrip("/")
    return openid_url, f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{path}"


def _parse_document(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ValueError("its answer is too large")
    document = parse_json(content)
    if not isinstance(document, dict):
        raise ValueError("its answer is not a JSON object")  # noqa: TRY004 - by others, no fault of ours
    return document


def _parse_keys(document: dict[str, Any]) -> dict[str, AlgorithmKeys]:
    """The public signing keys of a set by their id; others, and what can't be read, are passed over.

    Raises:
        ValueError: There is none.

    """
    entries = document.get("keys")
    keys: dict[str, AlgorithmKeys] = {}
    for entry in entries[:MAX_KEYS] if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("kid"), str) and (usable := _parse_key(entry)):
            keys.setdefault(entry["kid"], {}).update(usable)
    if not keys:
        raise ValueError("its answer holds no public signing key with a `kid`")
    return keys


def _parse_key(entry: dict[str, Any]) -> AlgorithmKeys:
    key_type, curve = entry.get("kty"), entry.get("crv")
    if not isinstance(key_type, str) or entry.get("use", "sig") != "sig" or "d" in entry:  # "d" is of a private key
        return {}
    names = ALGORITHMS_BY_KEY_TYPE.get((key_type, curve if isinstance(curve, str) else None), ())
    try:
        return {name: PyJWK(entry, name) for name in names if entry.get("alg", name) == name}
    except PyJWTError:
        return {}
