"""Accounts: what a seller's authorization gives us, a token pair and the shops it opens, as stored records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_serializer

from mcp_server_tiktok_shop.proxies import parse_proxy
from mcp_server_tiktok_shop.time_zones import get_region_zone

ENVIRONMENT_ID_PREFIX = "environment-"  # then the first pair's fingerprint: servers with other tokens may share a home


class _StoredModel(BaseModel):
    model_config = ConfigDict(frozen=True)

    @field_serializer(
        "access_token", "refresh_token", "cipher", "secret", "proxy", check_fields=False, when_used="json"
    )
    def _reveal(self, secret: SecretStr) -> str:
        """The secret itself: JSON of these models goes into the account store alone."""
        return secret.get_secret_value()


class PartnerApp(_StoredModel):
    """The application that sellers authorize, as Partner Center knows it. `region` is `us`, `row` or empty."""

    key: str
    secret: SecretStr
    service_id: str = ""
    region: str = ""


class Shop(_StoredModel):
    """A shop that an authorization opens, by the fields of get_authorized_shops.

    `cipher` is what the platform knows it by in a request; `region` is a country code, as in GB.
    """

    id: str
    name: str = ""
    region: str = ""
    seller_type: str = ""
    code: str = ""
    cipher: SecretStr

    @property
    def label(self) -> str:
        return self.name or self.id

    def to_json(self) -> dict[str, str]:
        """As an assistant may see it."""
        return {"name": self.label, "region": self.region, "id": self.id}


class Asset(_StoredModel):
    """A category in a market that an affiliate partner's authorization opens, after get_authorized_category_assets.

    `cipher` is what the platform knows it by in a request.
    """

    cipher: SecretStr
    market: str = ""
    category_id: str = ""
    category: str = ""

    def has_name(self, name: str) -> bool:
        """Whether it goes by this name: its market, its category or category id, or market/category; in any case."""
        text = name.strip().casefold()
        names = [self.market, self.category, self.category_id]
        names += [f"{self.market}/{self.category}", f"{self.market}/{self.category_id}"]
        return text in {n.casefold() for n in names if n}

    def to_json(self) -> dict[str, str]:
        """As an assistant may see it."""
        return {"market": self.market, "category": self.category, "category_id": self.category_id}


class Account(_StoredModel):
    """One authorization. All moments are Unix seconds, 0 where unknown; `since` is when it was made.

    The id is the seller's open id; of an account that began with tokens from the environment, ENVIRONMENT_ID_PREFIX
    and the fingerprint of that first pair. `renewing_since` stands while a renewal is under way; found later, it says
    that the answer was lost. `shops` and `assets` are None until they were fetched. `proxy` is the account's own, if
    it has one.
    """

    id: str
    app_key: str
    name: str = ""
    region: str = ""
    access_token: SecretStr
    access_token_expire_in: int = 0
    refresh_token: SecretStr = SecretStr("")
    refresh_token_expire_in: int = 0
    granted_scopes: tuple[str, ...] = ()
    shops: tuple[Shop, ...] | None = None
    assets: tuple[Asset, ...] | None = None
    since: int = 0
    renewing_since: int = 0
    proxy: SecretStr = SecretStr("")

    def copy_with_pair(self, data: dict[str, Any]) -> Account:
        """This account with the token pair and what else a token answer's `data` names; what it leaves out stays."""
        current_refresh_token = self.refresh_token
        return self.model_copy(
            update={
                "name": str(data.get("seller_name") or self.name),
                "region": str(data.get("seller_base_region") or self.region),
                "access_token": SecretStr(str(data["access_token"])),
                "access_token_expire_in": _parse_expiry(data.get("access_token_expire_in")),
                "refresh_token": SecretStr(str(data["refresh_token"]))
                if data.get("refresh_token")
                else current_refresh_token,
                "refresh_token_expire_in": _parse_expiry(data.get("refresh_token_expire_in")),
                "granted_scopes": tuple(data.get("granted_scopes") or self.granted_scopes),
                "renewing_since": 0,
            }
        )

    def collect_secrets(self) -> list[str]:
        """Every value of it that must not appear in a log or a result: tokens, ciphers, the proxy's credentials."""
        secrets = [self.access_token, self.refresh_token, *(shop.cipher for shop in self.shops or ())]
        secrets += [asset.cipher for asset in self.assets or ()]
        proxy_url = self.proxy.get_secret_value()
        return [secret.get_secret_value() for secret in secrets] + (
            parse_proxy(proxy_url).collect_secrets() if proxy_url else []
        )

    def to_json(self, zone: Any = None) -> dict[str, Any]:
        """As an assistant may see it: seller, region, expiries in ISO 8601 in `zone` (else the region's), scopes."""
        from datetime import datetime  # noqa: PLC0415

        zone = zone or get_region_zone(self.region)

        def format_expiry(seconds: int) -> str | None:
            return datetime.fromtimestamp(seconds, zone).isoformat() if seconds else None

        return {
            "seller": self.name or None,
            "region": self.region or None,
            "access_token_expires": format_expiry(self.access_token_expire_in),
            "refresh_token_expires": format_expiry(self.refresh_token_expire_in),
            "scopes": list(self.granted_scopes),
        }


def get_account_id(data: dict[str, Any]) -> str:
    """The id of the account that a token answer's `data` is of."""
    return str(data.get("open_id") or f"{data.get('seller_name')}-{data.get('seller_base_region')}")


def _parse_expiry(value: Any) -> int:
    """Unix seconds as the platform wrote them; 0, for unknown, where that makes no sense: the pair matters more."""
    try:
        return max(0, int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return 0


@dataclass(frozen=True, slots=True)
class StoredAccounts:
    """What an account store holds: the app, where its key and secret were given at sign-in, and the accounts by id."""

    app: PartnerApp | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
