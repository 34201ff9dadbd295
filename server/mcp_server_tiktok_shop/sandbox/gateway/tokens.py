"""Who may call: accounts, their authorization codes, and access and refresh tokens with their lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import DAY_S, MINUTE_S, WEEK_S
from mcp_server_tiktok_shop.sandbox.ids import draw_number, make_id
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

CODE_TTL_S = 30 * MINUTE_S
ACCESS_TOKEN_TTL_S = WEEK_S
# Refresh tokens observed in the wild end about a hundred years ahead.
REFRESH_TOKEN_TTL_S = 100 * 365 * DAY_S
INVALID_GRANT_CODE = 36004004


@dataclass
class SellerAccount:
    """One authorization: a seller that let the app in, with the newest pair of tokens.

    `authorized_until` is when it ends by the seller's wish; 0 where the platform's own limit is all there is.
    """

    name: str
    region: str
    prefix: str
    open_id: str
    shops: list[SimulatedShop]
    granted_scopes: list[str]
    access_token: str = field(default="", repr=False)
    access_token_expire_in: int = 0
    refresh_token: str = field(default="", repr=False)
    refresh_token_expire_in: int = 0
    user_type: int = 0
    authorized_until: int = 0
    revoked: bool = False
    category_assets: dict[str, str] = field(default_factory=dict, repr=False)

    def to_json(self) -> Json:
        """The token calls' answer."""
        return {
            "access_token": self.access_token,
            "access_token_expire_in": self.access_token_expire_in,
            "refresh_token": self.refresh_token,
            "refresh_token_expire_in": self.refresh_token_expire_in,
            "open_id": self.open_id,
            "seller_name": self.name,
            "seller_base_region": self.region,
            "user_type": self.user_type,
            "granted_scopes": list(self.granted_scopes),
        }


@dataclass
class TokenGrant:
    account: SellerAccount
    expires: int


class TokenIssuer:
    """Issues and judges tokens. How long they live and what a renewal kills can be set by tests."""

    def __init__(self, seed: str, clock: Callable[[], float]) -> None:
        self.access_seconds = ACCESS_TOKEN_TTL_S
        self.refresh_seconds = REFRESH_TOKEN_TTL_S
        self.old_access_token_survives = True
        self.old_refresh_token_survives = False
        self.renewals = 0
        self._seed = seed
        self._clock = clock
        self._issued = 0
        self._access: dict[str, TokenGrant] = {}
        self._refresh: dict[str, TokenGrant] = {}
        self._codes: dict[str, TokenGrant] = {}

    def _make_token(self, account: SellerAccount, kind: str) -> str:
        self._issued += 1
        digits = [draw_number(self._seed, account.open_id, kind, self._issued, part) for part in range(3)]
        return f"{account.prefix}_{''.join(f'{d:016x}' for d in digits)}"

    def issue(self, account: SellerAccount) -> None:
        """A new pair for the account."""
        now = int(self._clock())
        account.access_token = self._make_token(account, "access")
        account.access_token_expire_in = now + self.access_seconds
        account.refresh_token = self._make_token(account, "refresh")
        account.refresh_token_expire_in = account.authorized_until or now + self.refresh_seconds
        self._access[account.access_token] = TokenGrant(account, account.access_token_expire_in)
        self._refresh[account.refresh_token] = TokenGrant(account, account.refresh_token_expire_in)

    def issue_code(self, account: SellerAccount) -> str:
        code = self._make_token(account, "code")
        self._codes[code] = TokenGrant(account, int(self._clock()) + CODE_TTL_S)
        return code

    def exchange(self, code: str) -> SellerAccount:
        """A pair for an authorization code; the code is used up by it."""
        grant = self._codes.pop(code, None)
        if grant is None or grant.expires <= self._clock():
            raise RefusalError(
                INVALID_GRANT_CODE, "Invalid 'auth_code': unknown, used before, or older than 30 minutes."
            )
        grant.account.revoked, grant.account.authorized_until = False, 0
        self.issue(grant.account)
        return grant.account

    def renew(self, refresh_token: str) -> SellerAccount:
        grant = self._refresh.get(refresh_token)
        if grant is None or grant.expires <= self._clock() or grant.account.revoked:
            raise RefusalError(INVALID_GRANT_CODE, "Invalid 'refresh_token': unknown, used before, expired or revoked.")
        if not self.old_refresh_token_survives:
            del self._refresh[refresh_token]
        if not self.old_access_token_survives:
            self._access = {t: a for t, a in self._access.items() if a.account is not grant.account}
        self.issue(grant.account)
        self.renewals += 1
        return grant.account

    def authenticate(self, access_token: str) -> SellerAccount:
        """Whose token it is, or the platform's reason against it."""
        if not access_token:
            raise RefusalError(36009004, "Invalid 'x-tts-access-token': the header is missing.", 400)
        grant = self._access.get(access_token)
        if grant is None:
            raise RefusalError(36009004, "Invalid 'x-tts-access-token': not a token of this platform.", 400)
        if grant.account.revoked:
            raise RefusalError(105001, "The access token is deauthorized: the seller removed this app.", 401)
        if grant.expires <= self._clock():
            raise RefusalError(105002, "The access token is expired; renew it with the refresh token.", 401)
        return grant.account

    def expire(self, account: SellerAccount) -> None:
        """End the newest access token now."""
        account.access_token_expire_in = int(self._clock()) - 1
        self._access[account.access_token].expires = account.access_token_expire_in

    def revoke(self, account: SellerAccount) -> None:
        account.revoked = True


def make_open_id(seed: str, name: str) -> str:
    return make_id("7", seed, "open_id", name)
