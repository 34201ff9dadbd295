"""Checks access tokens: JWTs from the operator's identity provider, for this server, in force, with scopes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)
from msgspec import Struct

from mcp_server_tiktok_shop.catalog.caller_scopes import CALLER_SCOPES
from mcp_server_tiktok_shop.errors import TikTokShopServerError
from mcp_server_tiktok_shop.protocol.grants import Grant
from mcp_server_tiktok_shop.protocol.oauth.signing_keys import ALGORITHMS, SigningKeys, UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TOKEN_BYTES = 16 * 1024
MAX_KEY_ID_CHARS = 200
CLOCK_SKEW_S = 60
TOKEN_PATTERN = re.compile(rb"[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]*={0,2}\.[A-Za-z0-9_-]*={0,2}")
UNREADABLE_REASON = "It is no JWT that can be read"
# In words of ours: what the library says may repeat a piece of the token.
REASON_BY_ERROR: dict[type[PyJWTError], str] = {
    ExpiredSignatureError: "It has expired",
    ImmatureSignatureError: "It is not in force yet",
    InvalidAudienceError: "It is for another server: its audience is not this one",
    InvalidIssuerError: "It is by another issuer",
    InvalidSignatureError: "Its signature is wrong",
    MissingRequiredClaimError: "It lacks one of the claims exp, iss and aud",
}


class NoTenantError(TikTokShopServerError):
    """An access token that is good, and names no tenant."""


class TokenRefusalError(TikTokShopServerError):
    """An access token that is not good here; the text says why, and holds nothing of it."""


class AccessTokenVerifier(Struct, frozen=True):
    """`issuer` and `audience` are compared character by character: a slash at the end counts.

    With a `tenant_claim` each token must name its tenant there; without one, tokens name none.
    """

    keys: SigningKeys
    issuer: str
    audience: str
    tenant_claim: str = ""

    async def verify(self, token: bytes) -> Grant:
        """What a good token lets do; scopes other than ours are passed over.

        Raises:
            TokenRefusalError: It is none.
            NoTenantError: It is good, and names no tenant where each must.
            KeysUnavailableError: It can't be told now, as its key is not known and the provider does not answer.

        """
        if len(token) > MAX_TOKEN_BYTES or TOKEN_PATTERN.fullmatch(token) is None:
            raise TokenRefusalError(UNREADABLE_REASON)
        algorithm, key_id = _parse_header(token)
        try:
            keys = await self.keys.find(key_id)
        except UnknownKeyError:
            raise TokenRefusalError("It names a key that its issuer does not have") from None
        if algorithm not in keys:
            raise TokenRefusalError("It names an algorithm that its key is not for")
        try:
            claims = jwt.decode(
                token,
                keys[algorithm],
                algorithms=[algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=CLOCK_SKEW_S,
                options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
            )
        except PyJWTError as error:
            raise TokenRefusalError(REASON_BY_ERROR.get(type(error), UNREADABLE_REASON)) from None
        names = frozenset(_iter_scope_names(claims))
        scopes = frozenset(scope for scope in CALLER_SCOPES if scope in names)
        return Grant(scopes, str(claims.get("sub") or ""), self._read_tenant(claims))

    def _read_tenant(self, claims: dict[str, Any]) -> str | None:
        if not self.tenant_claim:
            return None
        tenant_id = claims.get(self.tenant_claim)
        if not isinstance(tenant_id, str) or not tenant_id:
            raise NoTenantError("The token names no tenant")
        return tenant_id


def _parse_header(token: bytes) -> tuple[str, str]:
    """The algorithm and key id that a token names, before anything of it is known to be true."""
    try:
        header = jwt.get_unverified_header(token)
    except PyJWTError:
        raise TokenRefusalError(UNREADABLE_REASON) from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenRefusalError("It is signed by no algorithm that is let in: RS, PS, ES or EdDSA")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= MAX_KEY_ID_CHARS:
        raise TokenRefusalError("It names no key (kid)")
    return algorithm, key_id


def _iter_scope_names(claims: dict[str, Any]) -> Iterator[str]:
    """The scopes, as text with blanks or as a list: providers have them as `scope` or as `scp`."""
    for claim in (claims.get("scope"), claims.get("scp")):
        if isinstance(claim, str):
            yield from claim.split()
        elif isinstance(claim, list):
            yield from (name for name in claim if isinstance(name, str))
