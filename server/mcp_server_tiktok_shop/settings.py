"""The settings of a run: one table of them, read once from flags and environment, refused where unclear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from msgspec import Struct, field
from pydantic import SecretStr

from mcp_server_tiktok_shop import proxies
from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.setting_declarations import Setting, parse_texts, read_environment
from mcp_server_tiktok_shop.setting_texts import (
    LOOPBACK_HOSTS,
    make_choice_parser,
    make_number_parser,
    make_service_url_parser,
    parse_bool,
    parse_credential,
    parse_folder,
    parse_issuer,
    parse_names,
    parse_origin,
    parse_secret,
    parse_url,
    parse_webhook_url,
)
from mcp_server_tiktok_shop.state.files.home import HomeFolder
from mcp_server_tiktok_shop.time_zones import parse_zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

API_URL = "https://open-api.tiktokglobalshop.com"
AUTH_URL = "https://auth.tiktok-shops.com"
RESULT_BYTES_RANGE = (2_000, 4_000_000)
MIRROR_DAYS_RANGE = (1, 730)
MIRROR_MAX_AGE_RANGE = (0, 86_400)  # seconds
CALLS_A_MINUTE_RANGE = (1, 60_000)
ROWS_RANGE = (100, 50_000)  # from a page of the platform's to what a question is ever answered with
DEFAULT_TENANT = "default"
SANDBOX_ORDERS_RANGE = (1, 200_000)  # the most takes some seconds to make, and some hundred megabytes


def get_default_home() -> Path:
    """The user's data folder, where the operating system has it.

    Raises:
        SettingsError: The environment names none.

    """
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed where the home is set

    try:
        folder = user_data_path("mcp-server-tiktok-shop", appauthor=False)
    except RuntimeError:
        folder = None
    if folder is None or not folder.is_absolute():
        raise SettingsError(
            "The user's data folder is not known here: set TIKTOK_SHOP_HOME to the full path of a folder"
        )
    return folder


class Settings(Struct, frozen=True):
    """The values in force: a field for each of `SETTINGS`, with its default."""

    app_key: str = ""
    app_secret: SecretStr = SecretStr("")
    access_token: SecretStr = SecretStr("")
    refresh_token: SecretStr = SecretStr("")
    proxy: proxies.Proxy | None = None
    api_url: str = API_URL
    auth_url: str = AUTH_URL
    home: Path = field(default_factory=get_default_home)
    files: Path | None = None
    shop: str | None = None
    service_id: str = ""
    region: Literal["", "us", "row"] = ""
    toolsets: tuple[str, ...] = ("default",)
    tools: tuple[str, ...] = ()
    exclude_tools: tuple[str, ...] = ()
    read_only: bool = False
    sandbox: bool = False
    sandbox_shops: int = 1
    sandbox_orders: int = 300
    time_zone: ZoneInfo | None = None
    confirm: Literal["asks", "all", "none", "person"] = "asks"
    result_bytes: int = 40_000
    buyer_data: Literal["masked", "full", "none"] = "masked"
    mirror_days: int = 90
    mirror_max_age: int = 60
    calls_a_minute: int = 0
    rows: int = 0
    era: Literal["auto", "legacy"] = "auto"
    database: str = ""
    database_password: SecretStr = SecretStr("")
    database_key: SecretStr = SecretStr("")
    redis: str = ""
    redis_password: SecretStr = SecretStr("")
    tenant: str = DEFAULT_TENANT
    http_issuer: str = ""
    http_url: str = ""
    http_audience: str = ""
    http_jwks_url: str = ""
    http_tenant_claim: str = ""
    http_webhook_url: str = ""
    log_level: str = "INFO"

    @property
    def is_loopback(self) -> bool:
        """Whether the platform is a simulation on this computer."""
        return urlsplit(self.api_url).hostname in LOOPBACK_HOSTS

    @property
    def home_folder(self) -> HomeFolder:
        """Where this run keeps its state: the simulated shop never sees a real one's."""
        home_folder = HomeFolder(self.home)
        return home_folder.sandbox if self.sandbox else home_folder

    @property
    def files_folder(self) -> Path:
        """The folder whose files an assistant may upload or resize."""
        return self.files or self.home_folder.files_folder

    def collect_secrets(self) -> list[str]:
        """What must never be shown of it."""
        secrets = [getattr(self, setting.name) for setting in SETTINGS if setting.is_secret and setting.name != "proxy"]
        keys = self.database_key.get_secret_value().split(",")  # each by itself, as well
        return [*(secret.get_secret_value() for secret in secrets), *keys] + (
            self.proxy.collect_secrets() if self.proxy is not None else []
        )


def _parse_shop_count(text: str) -> int:
    return int(make_choice_parser("1", "3")(text))


def _parse_log_level(text: str) -> str:
    return make_choice_parser("debug", "info", "warning", "error")(text).upper()


SETTINGS = (
    Setting("app_key", "Key of your app in TikTok Shop Partner Center.", parse_credential),
    Setting("app_secret", "Secret of that app.", parse_secret, is_secret=True),
    Setting("access_token", "Seller's access token, used until it is first renewed.", parse_secret, is_secret=True),
    Setting(
        "refresh_token", "Its refresh token; renewed pairs are kept in the home folder.", parse_secret, is_secret=True
    ),
    Setting(
        "proxy",
        "Proxy for all requests: http, https, socks5 or socks5h, `scheme://user:password@host:port` or "
        "`scheme://host:port:user:password`.",
        proxies.parse_proxy,
        default="the usual proxy variables",
        is_secret=True,
    ),
    Setting("api_url", "Address of the API host.", parse_url, default=API_URL),
    Setting("auth_url", "Address of the auth host.", parse_url, default=AUTH_URL),
    Setting("home", "Folder that holds tokens, labels and other state.", parse_folder, default="your user data folder"),
    Setting(
        "files", "Folder whose files the assistant may upload or resize.", parse_folder, default="`files` in the home"
    ),
    Setting(
        "shop",
        "Pin the server to one shop, by name, id or unique region; it can reach no other.",
        str.strip,
        default="every shop",
    ),
    Setting("service_id", "Service id of your app, needed for its sign-in link.", parse_credential),
    Setting(
        "region", "Where sellers sign in: `us`, or `row` for the rest of the world.", make_choice_parser("us", "row")
    ),
    Setting(
        "toolsets",
        "Tools to list, by area, separated by commas; or `default`, `all`, `none`.",
        parse_names,
        default="default",
    ),
    Setting("tools", "Single tools to list in addition.", parse_names),
    Setting("exclude_tools", "Tools to switch off entirely, whatever other settings say.", parse_names),
    Setting(
        "read_only",
        "Only read: offer nothing that changes the shop, and refuse it.",
        parse_bool,
        default="off",
        is_switch=True,
    ),
    Setting("sandbox", "Use the simulated shop: no account, no network.", parse_bool, default="off", is_switch=True),
    Setting("sandbox_shops", "Shops in the simulation: 1, or 3 (under two sellers).", _parse_shop_count, default="1"),
    Setting(
        "sandbox_orders",
        "Orders in the simulation's main shop: 1 to 200000.",
        make_number_parser(*SANDBOX_ORDERS_RANGE),
        default="300",
    ),
    Setting("time_zone", "IANA time zone that decides when a day begins.", parse_zone, default="by the shop's region"),
    Setting(
        "confirm",
        "Writes that wait for a yes: `asks` (what touches money, stock, the public or a person, or can't be undone), "
        "`all`, `none`, or `person` (all, and only a person asked by the client can agree).",
        make_choice_parser("asks", "all", "none", "person"),
        default="asks",
    ),
    Setting(
        "buyer_data",
        "Names, phones, e-mails and addresses of buyers: `masked`, `full`, or `none` (removed).",
        make_choice_parser("masked", "full", "none"),
        default="masked",
    ),
    Setting(
        "mirror_days",
        "Days of orders, returns and books that the local copy holds.",
        make_number_parser(*MIRROR_DAYS_RANGE),
        default="90",
    ),
    Setting(
        "mirror_max_age",
        "Seconds that the local copy may lag behind, unless a question says otherwise.",
        make_number_parser(*MIRROR_MAX_AGE_RANGE),
        default="60",
    ),
    Setting(
        "calls_a_minute",
        "Most calls accepted per minute.",
        make_number_parser(*CALLS_A_MINUTE_RANGE),
        default="no limit",
    ),
    Setting(
        "rows",
        "Most rows in the answer to a question or a list, or in a file of it.",
        make_number_parser(*ROWS_RANGE),
        default="as many as fit",
    ),
    Setting(
        "result_bytes",
        "Largest result in bytes; the rest is kept and read in parts.",
        make_number_parser(*RESULT_BYTES_RANGE),
        "40000",
    ),
    Setting(
        "era",
        "`legacy` for clients that confuse the two protocol eras.",
        make_choice_parser("auto", "legacy"),
        default="auto",
    ),
    Setting(
        "database",
        "PostgreSQL for the state of `serve --http`, shared by any number of servers.",
        make_service_url_parser("postgresql", "postgres"),
        default="files in the home folder",
    ),
    Setting("database_password", "Password of that database's user.", parse_secret, is_secret=True),
    Setting(
        "database_key",
        "Key that encrypts tokens and secrets in the database: 32 bytes in base64. While replacing a key, the new "
        "and the old one, separated by a comma.",
        parse_secret,
        is_secret=True,
    ),
    Setting(
        "redis",
        "Redis through which servers with one database share the platform's rate limits.",
        make_service_url_parser("redis", "rediss"),
        default="each server for itself",
    ),
    Setting("redis_password", "Password of that Redis.", parse_secret, is_secret=True),
    Setting(
        "tenant", "Tenant whose accounts and state in the database to use.", parse_credential, default=DEFAULT_TENANT
    ),
    Setting("http_issuer", "Identity provider whose access tokens `serve --http` accepts.", parse_issuer),
    Setting("http_url", "Public address of that server, without `/mcp`.", parse_origin),
    Setting("http_audience", "Audience of those tokens.", parse_credential, default="the public address with `/mcp`"),
    Setting("http_jwks_url", "Address of the provider's keys.", parse_url, default="from the issuer's metadata"),
    Setting(
        "http_tenant_claim",
        "Claim of those tokens that names the tenant in the database.",
        parse_credential,
        default="everybody belongs to `--tenant`",
    ),
    Setting(
        "http_webhook_url",
        "Address at which TikTok notifies `serve --http` of changes: `https://…/webhooks/tiktok`.",
        parse_webhook_url,
        default="no webhooks",
    ),
    Setting("log_level", "How much is logged to standard error.", _parse_log_level, default="info"),
)
SETTINGS_BY_NAME = {setting.name: setting for setting in SETTINGS}


def read_settings(environment: Mapping[str, str], flags: Mapping[str, str | None] | None = None) -> Settings:
    """The settings from environment and flags (texts by the name of the setting); a flag wins over its variable.

    Raises:
        SettingsError: An unknown `TIKTOK_SHOP_` name, a value that can't be read, or settings that exclude each other.

    """
    entries = read_environment(environment, SETTINGS)
    entries |= {name: (SETTINGS_BY_NAME[name].flag, text) for name, text in (flags or {}).items() if text is not None}
    values = parse_texts(entries, SETTINGS_BY_NAME)
    settings = Settings(**values)
    if settings.sandbox and (conflicts := [entries[n][0] for n in ("api_url", "auth_url") if n in values]):
        raise SettingsError(f"{' and '.join(conflicts)} can't be combined with the sandbox: remove one of them")
    if settings.sandbox and settings.database:
        raise SettingsError(
            f"{entries['database'][0]} can't be combined with the sandbox, of which each server has its own: run "
            "`mcp-server-tiktok-shop sandbox`, and set api_url and auth_url to its address"
        )
    of_database = [
        entries[n][0]
        for n in ("database_password", "database_key", "redis", "tenant", "http_tenant_claim")
        if n in values
    ]
    if of_database and not settings.database:
        raise SettingsError(f"{of_database[0]} has no effect without TIKTOK_SHOP_DATABASE: set both, or neither")
    needless = [
        entries[n][0] for n in ("http_url", "http_audience", "http_jwks_url", "http_tenant_claim") if n in values
    ]
    if needless and not settings.http_issuer:
        raise SettingsError(f"{needless[0]} has no effect without TIKTOK_SHOP_HTTP_ISSUER: set both, or neither")
    return settings
