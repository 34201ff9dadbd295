"""Accounts as stored records: what a seller's authorization gives, a token pair and the shops it opens."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer, field_validator

from mcp_server_tiktok_shop.json_values import read_text
from mcp_server_tiktok_shop.money import get_region_currency
from mcp_server_tiktok_shop.proxies import parse_proxy
from mcp_server_tiktok_shop.state.token_answers import (
    MIN_UNIX_MILLISECONDS,
    parse_expiry,
    read_name,
    read_scopes,
    read_secret,
)
from mcp_server_tiktok_shop.time_zones import get_region_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ID_TAIL_CHARS = 4
MAX_NAME_CHARS = 28  # of a name before what tells it apart: questions show the first 60 characters of both
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

    @classmethod
    def from_texts(cls, key: str, secret: SecretStr) -> PartnerApp | None:
        """The app of key and secret; None where one is missing, and the stored one counts."""
        return cls(key=key, secret=secret) if key and secret.get_secret_value() else None


class Shop(_StoredModel):
    """A shop that an authorization opens, by the fields of get_authorized_shops.

    `cipher` is what the platform knows it by in a request; `region` is a country code, as in GB. `display_name` is the
    name it has among all shops, where those are known (see `assign_display_names`); it is not stored.
    """

    id: str
    name: str = ""
    region: str = ""
    seller_type: str = ""
    code: str = ""
    cipher: SecretStr
    display_name: str = Field(default="", exclude=True)

    @property
    def label(self) -> str:
        return self.display_name or self.name or self.id

    @property
    def currency(self) -> str:
        """The currency of its market; empty for a region that is not known."""
        return get_region_currency(self.region)

    def list_names(self) -> list[str]:
        """The names it can have, the shortest first; a longer one is needed where another shop has a shorter one.

        A cross-border seller's shops have one name in every market. The full id is no other shop's.
        """
        is_visible = normalize_name(self.name) != ""
        name = self.name if is_visible else self.id
        tails = [self.id[-ID_TAIL_CHARS:], self.id] if is_visible else []
        places = [" ".join(filter(None, (self.region, f"…{tail}" if tail != self.id else tail))) for tail in tails]
        start = name if len(name) <= MAX_NAME_CHARS else f"{name[:MAX_NAME_CHARS]}…"
        return [name, *(f"{start} ({place})" for place in filter(None, (self.region, *places)))]

    def to_json(self) -> dict[str, str]:
        """As an assistant may see it."""
        shop = {"name": self.label, "region": self.region, "currency": self.currency, "id": self.id}
        return {key: value for key, value in shop.items() if value or key != "currency"}


def read_cipher(row: dict[str, Any]) -> str:
    """The cipher in a row of the platform's; empty where it can't be one.

    No cipher is a number, and one that was taken for a cipher would be hidden as a secret wherever it stands.
    """
    cipher = read_secret(row.get("cipher"))
    return "" if cipher.isdigit() else cipher


@lru_cache(maxsize=1024)  # every call compares the names of all shops
def normalize_name(name: str) -> str:
    """A shop's name as a person compares it: in any case and width, without what can't be seen."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return " ".join(visible.casefold().split())


def assign_display_names(shops: Sequence[Shop]) -> list[Shop]:
    """The shops, each with a name that is its own among them all: `Name (TH)` where the name repeats."""
    names = [shop.list_names() for shop in shops]
    ids = {shop.id for shop in shops}
    levels = [0] * len(shops)
    while True:
        chosen = [options[level] for options, level in zip(names, levels, strict=True)]
        counts = Counter(map(normalize_name, chosen))
        ambiguous = [
            place
            for place, (shop, name) in enumerate(zip(shops, chosen, strict=True))
            if levels[place] < len(names[place]) - 1
            and (counts[normalize_name(name)] > 1 or (name in ids and name != shop.id))
        ]
        if not ambiguous:
            return [shop.model_copy(update={"display_name": n}) for shop, n in zip(shops, chosen, strict=True)]
        for place in ambiguous:
            levels[place] += 1


class AuthorizedShops(Struct, frozen=True):
    """The shops that an authorization opens; `unusable` names each row that no call can be made for, and why."""

    shops: tuple[Shop, ...]
    unusable: tuple[str, ...] = ()

    @classmethod
    def from_rows(cls, rows: Iterable[Any]) -> AuthorizedShops:
        """The shops of the platform's rows; a row without id or cipher is passed over."""
        shops: list[Shop] = []
        unusable: list[str] = []
        for row in rows:
            fields = row if isinstance(row, dict) else {}
            texts = {name: read_text(fields, name) for name in ("id", "name", "region", "seller_type", "code")}
            cipher = read_cipher(fields)
            lacking = [name for name, text in (("id", texts["id"]), ("cipher", cipher)) if not text]
            if lacking:
                label = texts["name"] or texts["id"] or "a row"
                region = f" ({texts['region']})" if texts["region"] else ""
                unusable.append(f"{label}{region} without {' and '.join(lacking)}")
            else:
                shops.append(Shop(cipher=SecretStr(cipher), **texts))
        return cls(tuple(shops), tuple(unusable))


class Asset(_StoredModel):
    """A category in a market that an affiliate partner's authorization opens, after get_authorized_category_assets.

    `cipher` is what the platform knows it by in a request.
    """

    cipher: SecretStr
    market: str = ""
    category_id: str = ""
    category: str = ""

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Asset | None:
        """The asset of the platform's row; None without a cipher, since no call can be made for it."""
        cipher = read_cipher(row)
        category = row.get("category")
        category = category if isinstance(category, dict) else {}
        return (
            cls(
                cipher=SecretStr(cipher),
                market=read_text(row, "target_market"),
                category_id=read_text(category, "id"),
                category=read_text(category, "name"),
            )
            if cipher
            else None
        )

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
    that the answer was lost. `shops` and `assets` are None until they were fetched; `unusable_shops` are those that the
    platform lists so that no call can be made for them. `proxy` is the account's own, if it has one.
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
    unusable_shops: tuple[str, ...] = ()
    assets: tuple[Asset, ...] | None = None
    since: int = 0
    renewing_since: int = 0
    proxy: SecretStr = SecretStr("")

    @classmethod
    def from_first_pair(cls, app_key: str, access_token: SecretStr, refresh_token: SecretStr) -> Account | None:
        """The account of tokens from the environment; None without an access token."""
        if not access_token.get_secret_value():
            return None
        id_ = ENVIRONMENT_ID_PREFIX + compute_pair_fingerprint(access_token, refresh_token)
        return cls(id=id_, app_key=app_key, access_token=access_token, refresh_token=refresh_token)

    @field_validator("proxy", mode="before")
    @classmethod
    def _read_proxy(cls, value: Any) -> Any:
        """A proxy of a wrong type is a text that names none: its account alone is stopped by it, see `proxy_fault`."""
        if value is None:
            return ""
        return value if isinstance(value, str | SecretStr) else repr(value)

    def copy_with_pair(self, data: dict[str, Any], now: float) -> Account:
        """This account with the token pair and what else a token answer's `data` names; what it leaves out stays.

        `now` is in Unix seconds: an expiry may be written as a duration. Whatever else is odd in the answer is left
        out: the pair matters more.
        """
        refresh_token = read_secret(data.get("refresh_token"))
        return self.model_copy(
            update={
                "name": read_name(data.get("seller_name")) or self.name,
                "region": read_name(data.get("seller_base_region")) or self.region,
                "access_token": SecretStr(data["access_token"]),
                "access_token_expire_in": parse_expiry(data.get("access_token_expire_in"), now),
                "refresh_token": SecretStr(refresh_token) if refresh_token else self.refresh_token,
                "refresh_token_expire_in": parse_expiry(data.get("refresh_token_expire_in"), now),
                "granted_scopes": read_scopes(data.get("granted_scopes")) or self.granted_scopes,
                "renewing_since": 0,
            }
        )

    def collect_secrets(self) -> list[str]:
        """Every value of it that must not appear in a log or a result: tokens, ciphers, the proxy's credentials."""
        secrets = [self.access_token, self.refresh_token, *(shop.cipher for shop in self.shops or ())]
        secrets += [asset.cipher for asset in self.assets or ()]
        proxy_url = self.proxy.get_secret_value()
        if self.proxy_fault:
            proxy_secrets = [proxy_url]
        else:
            proxy_secrets = parse_proxy(proxy_url).collect_secrets() if proxy_url else []
        return [secret.get_secret_value() for secret in secrets] + proxy_secrets

    @property
    def proxy_fault(self) -> str:
        """Why the account's own proxy can't be followed, without a word of it; empty where it can, or there is none."""
        if proxy_url := self.proxy.get_secret_value():
            try:
                parse_proxy(proxy_url)
            except ValueError as error:
                return str(error)
        return ""

    @property
    def sign_in_end(self) -> int:
        """Until when the seller is signed in, in Unix seconds; 0 where that is not known. Access tokens are renewed."""
        end = self.refresh_token_expire_in or self.access_token_expire_in
        return end if 0 < end < MIN_UNIX_MILLISECONDS else 0  # earlier versions stored what the platform wrote

    def to_json(self, zone: Any = None) -> dict[str, Any]:
        """As an assistant may see it: seller, region, expiries in ISO 8601 in `zone` (else the region's), scopes."""
        from datetime import datetime  # noqa: PLC0415

        zone = zone or get_region_zone(self.region)

        def format_expiry(seconds: int) -> str | None:
            # Earlier versions stored what the platform wrote, whatever it was.
            return datetime.fromtimestamp(seconds, zone).isoformat() if 0 < seconds < MIN_UNIX_MILLISECONDS else None

        return {
            "seller": self.name or None,
            "region": self.region or None,
            "access_token_expires": format_expiry(self.access_token_expire_in),
            "refresh_token_expires": format_expiry(self.refresh_token_expire_in),
            "scopes": list(self.granted_scopes),
        }


def compute_pair_fingerprint(access_token: SecretStr, refresh_token: SecretStr) -> str:
    """32 hex digits that stand for a first pair: the same environment is known again without its tokens in an id."""
    pair = f"{access_token.get_secret_value()}\n{refresh_token.get_secret_value()}"
    return hashlib.sha256(pair.encode()).hexdigest()[:32]


class StoredAccounts(Struct, frozen=True):
    """What an account store holds: the app, where its key and secret were given at sign-in, and the accounts by id.

    `unreadable` are entries that stand where accounts do and are none: they are passed over, and stay where they are.
    """

    app: PartnerApp | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    unreadable: tuple[Any, ...] = ()
