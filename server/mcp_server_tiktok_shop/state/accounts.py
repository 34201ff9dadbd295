"""What a seller's authorization gives us: a token pair, and the shops it opens."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_serializer

from mcp_server_tiktok_shop.proxies import parse_proxy
from mcp_server_tiktok_shop.time_zones import get_region_zone

ENVIRONMENT_ID_PREFIX = "environment-"  # with the lineage of the pair: two servers may share a home


class _StoredModel(BaseModel):
    model_config = ConfigDict(frozen=True)

    @field_serializer(
        "access_token", "refresh_token", "cipher", "secret", "proxy", check_fields=False, when_used="json"
    )
    def _reveal(self, secret: SecretStr) -> str:
        """Written out only into the store, which is its owner's alone."""
        return secret.get_secret_value()


class PartnerApp(_StoredModel):
    """The application that sellers' authorizations are given to, as Partner Center knows it."""

    key: str
    secret: SecretStr
    service_id: str = ""
    region: str = ""


class Shop(_StoredModel):
    """A shop that an authorization opens. `cipher` is what the platform knows it by in a request."""

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
    """A category in a market that a partner's authorization opens, and what the platform knows it by."""

    cipher: SecretStr
    market: str = ""
    category_id: str = ""
    category: str = ""

    def has_name(self, name: str) -> bool:
        text = name.strip().casefold()
        names = [self.market, self.category, self.category_id]
        names += [f"{self.market}/{self.category}", f"{self.market}/{self.category_id}"]
        return text in {n.casefold() for n in names if n}

    def to_json(self) -> dict[str, str]:
        """As an assistant may see it."""
        return {"market": self.market, "category": self.category, "category_id": self.category_id}


class Account(_StoredModel):
    """One authorization. Expiries are absolute Unix seconds, 0 where unknown; `since` is when it was made.

    One that began with tokens from the environment has an id made of that first pair's fingerprint: its lineage.
    `renewing_since` stands while a renewal is under way; found later, it tells that the answer was lost.
    `proxy` is the account's own way to the platform, if it has one.
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
        """This account with a token answer laid over it; a refresh token that is not renewed stays."""
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
        """What must never be shown of it."""
        secrets = [self.access_token, self.refresh_token, *(shop.cipher for shop in self.shops or ())]
        secrets += [asset.cipher for asset in self.assets or ()]
        proxy_url = self.proxy.get_secret_value()
        return [secret.get_secret_value() for secret in secrets] + (
            parse_proxy(proxy_url).collect_secrets() if proxy_url else []
        )

    def to_json(self, zone: Any = None) -> dict[str, Any]:
        """As an assistant may see it: whose it is and how long it lasts."""
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


def _parse_expiry(value: Any) -> int:
    """An expiry as the platform wrote it; 0, for unknown, where that makes no sense: the pair matters more."""
    try:
        return max(0, int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return 0
